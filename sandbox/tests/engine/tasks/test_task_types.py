"""Tasks that are not simply a process."""

from __future__ import annotations

import pytest
from flyteidl.core import interface_pb2, tasks_pb2
from flyteidl.event import event_pb2

from flyte_sandbox.engine.messages import AttemptStarted, StartAttempt
from flyte_sandbox.engine.tasks.pods import pod_notes, with_container
from flyte_sandbox.engine.tasks.task_types import refusal

from ..graphs import TEXT, Stepper, echo_task, literals, task_node, template


def run_of(change: object) -> Stepper:
    task = echo_task()
    change(task.template)
    run = Stepper(template([task_node("n0", ("", "text"))], ("n0", "o0")), task=task)
    run.begin()
    return run


def without_container(type: str) -> object:
    def change(task: tasks_pb2.TaskTemplate) -> None:
        task.type = type
        task.ClearField("container")

    return change


def raw_container(task: tasks_pb2.TaskTemplate) -> None:
    task.type = "raw-container"
    task.container.image = "ubuntu:20.04"
    task.container.data_config.enabled = True


def spark(task: tasks_pb2.TaskTemplate) -> None:
    task.type = "spark"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            without_container("bigquery_query_job_task"),
            "'bigquery_query_job_task' has no container: a connector",
        ),
        (without_container("sensor"), "'sensor' has no container: a connector"),
        (raw_container, "is a ContainerTask: it runs in image ubuntu:20.04"),
        (spark, "is spread over machines by Spark's operator"),
    ],
)
def test_what_cannot_run_here_is_refused_at_once_and_for_good(change: object, words: str) -> None:
    run = run_of(change)
    assert run.log[2:] == [
        "n0 QUEUED",
        "n0/0 QUEUED",
        "n0 RUNNING",
        "n0/0 FAILED",
        "n0 FAILED",
        "workflow FAILING",
        "workflow FAILED",
    ]
    error = run.events[-1].error
    assert error.code == "TaskTypeUnsupported"
    assert words in error.message
    assert error.message.endswith("Run it on a cluster, or put a plain Python task in its place.")
    assert not run.acts_of(StartAttempt)


def as_echo(task: tasks_pb2.TaskTemplate) -> None:
    without_container("echo")(task)


def test_an_echo_gives_its_input_without_a_process() -> None:
    run = run_of(as_echo)
    assert [line for line in run.log if line.startswith("n0")] == [
        "n0 QUEUED",
        "n0 RUNNING",
        "n0/0 SUCCEEDED",
        "n0 SUCCEEDED",
    ]
    assert run.phase == "SUCCEEDED"
    assert run.run.root.nodes["n0"].outputs == literals(o0="in")


def test_an_echo_of_another_interface_fails() -> None:
    def change(task: tasks_pb2.TaskTemplate) -> None:
        as_echo(task)
        task.interface.outputs.variables["o1"].CopyFrom(interface_pb2.Variable(type=TEXT))

    run = run_of(change)
    assert run.phase == "FAILED"
    assert "[1] and [2] found" in run.events[-1].error.message


def pod(name: str = "main", **spec: object) -> object:
    def change(task: tasks_pb2.TaskTemplate) -> None:
        task.ClearField("container")
        task.type = "container_task"
        task.config["primary_container_name"] = "main"
        container = {
            "name": name,
            "image": "mine",
            "args": ["run", "{{.input}}"],
            "env": [{"name": "A", "value": "1"}, {"name": "B", "valueFrom": {}}],
            "resources": {"limits": {"cpu": "2", "example.com/x": "1"}, "requests": {"memory": "1Gi"}},
        }
        task.k8s_pod.pod_spec.update({"containers": [container], **spec})

    return change


def test_a_pod_template_runs_its_primary_container() -> None:
    run = run_of(pod())
    (start,) = run.acts_of(StartAttempt)
    container = start.attempt.task.container
    assert (container.image, list(container.args)) == ("mine", ["run", "{{.input}}"])
    assert {pair.key: pair.value for pair in container.env} == {"A": "1"}
    assert [entry.value for entry in container.resources.limits] == ["2"]
    assert container.resources.requests[0].name == tasks_pb2.Resources.MEMORY


def test_what_of_a_pod_did_not_run_is_said_on_the_attempt() -> None:
    run = run_of(pod(initContainers=[{"name": "first"}]))
    run.send(AttemptStarted("n0", 0, run.now))
    (event,) = [one for one in run.events if isinstance(one, event_pb2.TaskExecutionEvent) and one.reasons]
    assert event.reasons[0].reason == "Of the pod template only its primary container ran; left out: first."


def test_settings_of_a_pod_are_named() -> None:
    task = echo_task().template
    pod(nodeSelector={"a": "b"}, tolerations=[])(task)
    assert list(pod_notes(task)) == ["The pod template's nodeSelector, tolerations had no effect."]


def test_a_pod_without_its_primary_container_is_refused() -> None:
    task = echo_task().template
    pod(name="other")(task)
    assert "without a container named 'main'" in refusal(with_container(task))


def test_a_map_task_of_the_legacy_module_is_refused() -> None:
    task = echo_task().template
    task.type = "container_array"
    assert refusal(task).endswith("Make it with flytekit.map instead.")


def test_an_ordinary_task_is_left_alone() -> None:
    task = echo_task().template
    assert with_container(task) is task
    assert list(pod_notes(task)) == []
