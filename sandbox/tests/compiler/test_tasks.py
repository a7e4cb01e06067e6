"""What CreateTask refuses, in flyteadmin's order and words."""

from __future__ import annotations

from typing import Any

import pytest
from flyteidl.admin import task_pb2
from flyteidl.core import identifier_pb2, interface_pb2, tasks_pb2, types_pb2

from flyte_sandbox.compiler.compile_errors import CompileErrors
from flyte_sandbox.compiler.tasks import compile_task
from flyte_sandbox.errors import InvalidArgument

TASK_ID = identifier_pb2.Identifier(
    resource_type=identifier_pb2.TASK, project="p", domain="d", name="n", version="v"
)
ONE_LINE_ID = 'resource_type:TASK project:"p" domain:"d" name:"n" version:"v"'
RESOURCES = tasks_pb2.Resources


def _spec(**changes: Any) -> task_pb2.TaskSpec:
    fields: dict[str, Any] = {
        "type": "python-task",
        "metadata": tasks_pb2.TaskMetadata(runtime=tasks_pb2.RuntimeMetadata(version="1.16.31")),
        "interface": interface_pb2.TypedInterface(),
        "container": tasks_pb2.Container(image="img", args=["run"]),
    }
    fields |= changes
    kept = {name: value for name, value in fields.items() if value is not None}
    return task_pb2.TaskSpec(template=tasks_pb2.TaskTemplate(**kept))


def _container(**lists: list[tuple[int, str]]) -> tasks_pb2.Container:
    entries = {
        name: [RESOURCES.ResourceEntry(name=kind, value=value) for kind, value in pairs]
        for name, pairs in lists.items()
    }
    return tasks_pb2.Container(image="img", resources=RESOURCES(**entries))


def test_the_id_of_the_request_replaces_the_one_in_the_template() -> None:
    spec = _spec(id=identifier_pb2.Identifier(name="other"))
    before = spec.SerializeToString(deterministic=True)
    compiled = compile_task(TASK_ID, spec)
    assert compiled.template.id == TASK_ID
    assert compiled.template.container.image == "img"
    assert spec.SerializeToString(deterministic=True) == before


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (task_pb2.TaskSpec(), "missing spec"),
        (_spec(type=None), "missing type"),
        (_spec(metadata=None), "missing metadata"),
        (
            _spec(metadata=tasks_pb2.TaskMetadata(runtime=tasks_pb2.RuntimeMetadata())),
            "missing runtime version",
        ),
        (_spec(interface=None), "missing typed interface"),
        (_spec(container=tasks_pb2.Container()), "missing image"),
        (
            _spec(container=_container(requests=[(RESOURCES.CPU, "1"), (RESOURCES.CPU, "2")])),
            f"can't specify CPU limit for task [{ONE_LINE_ID}] multiple times",
        ),
        (
            _spec(
                container=_container(requests=[(RESOURCES.MEMORY, "2Gi")], limits=[(RESOURCES.MEMORY, "1Gi")])
            ),
            "Requested MEMORY default [2Gi] is greater than the limit [1Gi]. Please fix your configuration",
        ),
        (
            _spec(container=_container(limits=[(RESOURCES.GPU, "500m")])),
            f"gpu for [{ONE_LINE_ID}] must be a whole number, got: 500m instead",
        ),
        (
            _spec(container=_container(requests=[(RESOURCES.GPU, "1")], limits=[(RESOURCES.GPU, "2")])),
            "For extended resource 'gpu' the default value must equal the limit value"
            f" for task [{ONE_LINE_ID}]",
        ),
        (
            _spec(container=_container(limits=[(RESOURCES.CPU, "much")])),
            "Parsing of CPU request failed for value much - reason  quantities must match the regular"
            " expression '([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)'. Please follow K8s conventions for"
            " resources https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/",
        ),
    ],
)
def test_what_flyteadmin_refuses_with_its_words(spec: task_pb2.TaskSpec, message: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        compile_task(TASK_ID, spec)
    assert refusal.value.message == message


def test_the_id_is_checked_before_the_spec() -> None:
    with pytest.raises(InvalidArgument, match=r"^unexpected resource type"):
        compile_task(identifier_pb2.Identifier(), task_pb2.TaskSpec())


@pytest.mark.parametrize(
    "container",
    [
        _container(requests=[(RESOURCES.CPU, "500m")], limits=[(RESOURCES.CPU, "300m")]),
        _container(requests=[(RESOURCES.GPU, "1")]),
        _container(requests=[(RESOURCES.MEMORY, "1Gi")]),
        _container(requests=[(RESOURCES.STORAGE, "lots"), (RESOURCES.STORAGE, "lots")]),
    ],
    ids=["both round up to one", "no limit", "only a request", "a name that is not checked"],
)
def test_what_flyteadmin_lets_pass(container: tasks_pb2.Container) -> None:
    compile_task(TASK_ID, _spec(container=container))


def test_a_task_without_any_target_is_fine() -> None:
    compile_task(TASK_ID, _spec(container=None, type="bigquery_query_job_task"))


@pytest.mark.parametrize("side", ["inputs", "outputs"])
def test_a_container_with_values_needs_a_command(side: str) -> None:
    integer = interface_pb2.Variable(type=types_pb2.LiteralType(simple=types_pb2.INTEGER))
    interface = interface_pb2.TypedInterface(**{side: interface_pb2.VariableMap(variables={"a": integer})})
    with pytest.raises(CompileErrors) as refusal:
        compile_task(TASK_ID, _spec(interface=interface, container=tasks_pb2.Container(image="img")))
    assert refusal.value.message == (
        "task failed compilation with Collected Errors: 1\n"
        "\tError 0: Code: ValueRequired, Node Id: container, Description: Value required [command]."
    )


def test_the_container_of_a_sidecar_is_looked_at_when_it_is_compiled() -> None:
    with pytest.raises(CompileErrors, match=r"Value required \[image\]"):
        compile_task(TASK_ID, _spec(type="sidecar", container=tasks_pb2.Container()))


def _pod(names: list[str]) -> tasks_pb2.K8sPod:
    pod = tasks_pb2.K8sPod()
    pod.pod_spec.update({"containers": [{"name": name} for name in names]})
    return pod


def test_a_pod_needs_a_spec() -> None:
    with pytest.raises(CompileErrors, match=r"Invalid value \[k8s pod spec\]"):
        compile_task(TASK_ID, _spec(container=None, k8s_pod=tasks_pb2.K8sPod()))


def test_containers_of_a_pod_have_dns_names() -> None:
    compile_task(TASK_ID, _spec(container=None, k8s_pod=_pod(["primary"])))
    with pytest.raises(CompileErrors, match=r"Invalid value \[k8s pod spec container name\]"):
        compile_task(TASK_ID, _spec(container=None, k8s_pod=_pod(["primary", "Not A Label"])))


def test_containers_of_a_pod_are_a_list() -> None:
    pod = tasks_pb2.K8sPod()
    pod.pod_spec.update({"containers": "one"})
    with pytest.raises(CompileErrors, match=r"Invalid value \[k8s pod spec\]"):
        compile_task(TASK_ID, _spec(container=None, k8s_pod=pod))
