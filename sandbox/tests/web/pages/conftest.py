"""A project with a training run in every state a page has to show, as RPCs would answer for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import msgpack
import pytest
from flyteidl.admin import (
    common_pb2,
    execution_pb2,
    launch_plan_pb2,
    node_execution_pb2,
    project_pb2,
    task_execution_pb2,
    task_pb2,
    workflow_pb2,
)
from flyteidl.core import catalog_pb2, identifier_pb2, types_pb2
from flyteidl.core import execution_pb2 as core_execution_pb2
from flyteidl.service import dataproxy_pb2
from google.protobuf.message import Message

from flyte_sandbox.errors import NotFound

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
PLACE = {"project": "flytesnacks", "domain": "development"}
WORKFLOW = "ml_training.pima_diabetes.diabetes.diabetes_xgboost_model"
VERSION = "8dNTx3qfCqOgYg2nzPpaZw"
W = core_execution_pb2.WorkflowExecution
N = core_execution_pb2.NodeExecution
T = core_execution_pb2.TaskExecution
NASTY = '<script>alert("1")</script>'

TRACE = """Trace:

    Traceback (most recent call last):
      File "diabetes.py", line 71, in train
        raise ValueError(f"no positive case in {len(y)} rows")
    ValueError: no positive case in 768 rows

Message:

    ValueError: no positive case in 768 rows"""


def run_id(name: str) -> identifier_pb2.WorkflowExecutionIdentifier:
    return identifier_pb2.WorkflowExecutionIdentifier(**PLACE, name=name)


def entity_id(kind: int, name: str = WORKFLOW, version: str = VERSION) -> identifier_pb2.Identifier:
    return identifier_pb2.Identifier(resource_type=kind, **PLACE, name=name, version=version)


def times(closure: Any, created: float, started: float | None, ended: float | None) -> None:
    """Seconds after the start."""
    closure.created_at.FromDatetime(START + timedelta(seconds=created))
    closure.updated_at.FromDatetime(START + timedelta(seconds=ended or started or created))
    if started is not None:
        closure.started_at.FromDatetime(START + timedelta(seconds=started))
    if started is not None and ended is not None:
        closure.duration.FromTimedelta(timedelta(seconds=ended - started))


def execution(name: str, phase: int, created: float, started: float | None, ended: float | None) -> Any:
    found = execution_pb2.Execution(id=run_id(name))
    found.spec.launch_plan.CopyFrom(entity_id(identifier_pb2.LAUNCH_PLAN))
    found.spec.metadata.principal = "airflow"
    found.spec.annotations.values["airflow/dag-run"] = "http://localhost:8080/dags/example_flyte/runs/manual"
    found.spec.annotations.values["note"] = NASTY
    found.spec.labels.values["airflow-dag-id"] = "example_flyte"
    found.closure.phase = phase
    found.closure.workflow_id.CopyFrom(entity_id(identifier_pb2.WORKFLOW))
    times(found.closure, created, started, ended)
    return found


def _executions() -> dict[str, Any]:
    green = execution("alxq8c2vdrtkp9w4mz7s", W.SUCCEEDED, 0, 0.05, 6.4)
    red = execution("ffailed7bzkq2n9", W.FAILED, -90, -89.9, -81.2)
    red.closure.error.code, red.closure.error.message = "USER:RuntimeError", TRACE
    busy = execution("arunning4kx", W.RUNNING, -3, -2.9, None)
    gone = execution("aborted5wq", W.ABORTED, -700, -699.5, -640)
    gone.closure.abort_metadata.cause = "Marked failed in Airflow: " + NASTY
    gone.closure.abort_metadata.principal = "airflow"
    child = execution("fchild3xnq", W.SUCCEEDED, 6.0, 6.1, 6.3)
    child.spec.metadata.parent_node_execution.node_id = "n2-0-n1"
    child.spec.metadata.parent_node_execution.execution_id.CopyFrom(green.id)
    waits = execution("aqueued2pp", W.QUEUED, -0.2, None, None)
    return {found.id.name: found for found in (waits, child, green, busy, red, gone)}


def node(
    run: str,
    name: str,
    phase: int,
    created: float,
    started: float | None,
    ended: float | None,
    **metadata: Any,
) -> Any:
    found = node_execution_pb2.NodeExecution()
    found.id.node_id = name
    found.id.execution_id.CopyFrom(run_id(run))
    found.metadata.spec_node_id = metadata.pop("spec", name)
    for field, value in metadata.items():
        setattr(found.metadata, field, value)
    found.closure.phase = phase
    times(found.closure, created, started, ended)
    return found


def _nodes() -> dict[tuple[str, str], list[Any]]:
    """By execution and parent."""
    green, red, busy = "alxq8c2vdrtkp9w4mz7s", "ffailed7bzkq2n9", "arunning4kx"
    split = node(green, "n0", N.SUCCEEDED, 0.1, 0.1, 0.1)
    split.closure.task_node_metadata.cache_status = catalog_pb2.CACHE_HIT
    source = split.closure.task_node_metadata.catalog_key.source_task_execution.node_execution_id
    source.node_id = "n0"
    source.execution_id.CopyFrom(run_id(red))
    train = node(green, "n1", N.SUCCEEDED, 0.15, 0.6, 4.8)
    train.closure.task_node_metadata.cache_status = catalog_pb2.CACHE_POPULATED
    parent = node(green, "n2", N.SUCCEEDED, 4.8, 4.85, 6.3, is_parent_node=True)
    evaluate = node(green, "n2-0-n0", N.SUCCEEDED, 4.9, 5.0, 5.9, spec="n0")
    evaluate.closure.deck_uri = "s3://my-s3-bucket/metadata/deck.html"
    publish = node(green, "n2-0-n1", N.SUCCEEDED, 5.9, 6.0, 6.3, spec="n1")
    publish.closure.workflow_node_metadata.executionId.CopyFrom(run_id("fchild3xnq"))
    bad = node(red, "n1", N.FAILED, -89, -88, -81.3)
    bad.closure.error.code, bad.closure.error.message = "USER:RuntimeError", TRACE
    ends = [node(green, name, N.SUCCEEDED, 0, None, 0.1) for name in ("start-node", "end-node")]
    return {
        (green, ""): [ends[0], split, train, parent, ends[1]],
        (green, "n2"): [evaluate, publish],
        (red, ""): [
            node(red, "n0", N.SUCCEEDED, -89.8, -89.7, -89),
            bad,
            node(red, "n2", N.ABORTED, -89, None, -81),
        ],
        (busy, ""): [
            node(busy, "n0", N.SUCCEEDED, -2.8, -2.7, -1.9),
            node(busy, "n1", N.RUNNING, -1.9, -1.5, None),
            *(node(busy, name, N.RUNNING, -1.5, -1.5, None) for name in ("n3", "n4", "n5")),
        ],
    }


def attempt(
    node_id: identifier_pb2.NodeExecutionIdentifier, number: int, phase: int, *span: float | None
) -> task_execution_pb2.TaskExecution:
    found = task_execution_pb2.TaskExecution()
    found.id.node_execution_id.CopyFrom(node_id)
    found.id.task_id.CopyFrom(entity_id(identifier_pb2.TASK, "ml_training.pima_diabetes.diabetes.train"))
    found.id.retry_attempt = number
    found.closure.phase = phase
    created, started, ended = span
    times(found.closure, created or 0, started, ended)
    log = f"/console/logs/flytesnacks/development/{node_id.execution_id.name}/{node_id.node_id}/{number}"
    found.closure.logs.add(name="Logs", uri=f"http://another-name:30080{log}")
    return found


_TASK_PHASES = {N.SUCCEEDED: T.SUCCEEDED, N.FAILED: T.FAILED, N.RUNNING: T.RUNNING}


def _attempts(found: Any) -> list[task_execution_pb2.TaskExecution]:
    if found.metadata.is_parent_node or found.closure.phase not in _TASK_PHASES:
        return []
    if found.closure.phase == N.FAILED:
        first = attempt(found.id, 0, T.FAILED, -88.5, -88, -85)
        first.closure.error.code, first.closure.error.message = "USER:Recoverable", TRACE
        last = attempt(found.id, 1, T.FAILED, -85, -84.5, -81.3)
        last.closure.reason = "gave up " + NASTY
        for found_attempt in (first, last):
            for reason in (
                "task submitted",
                "A GPU was requested; the task ran without one.",
                "task started",
            ):
                found_attempt.closure.reasons.add(message=reason)
        last.closure.reasons.add(message="gave up " + NASTY)
        log = last.closure.logs.add()
        log.name, log.uri = "kibana", "https://logs.example/x"
        last.closure.logs.add(name="bad", uri="javascript:alert(1)")
        return [first, last]
    only = attempt(found.id, 0, _TASK_PHASES[found.closure.phase], 0, 0.1, 1.2)
    if found.closure.phase == N.RUNNING:
        for index, phase in enumerate((T.SUCCEEDED, T.FAILED, T.RUNNING)):
            element = only.closure.metadata.external_resources.add(index=index, phase=phase)
            log = "/console/logs/flytesnacks/development/arunning4kx"
            element.logs.add(name=f"log {index}", uri=f"{log}/n1-n0-{index}/0")
    return [only]


def _workflow() -> workflow_pb2.Workflow:
    found = workflow_pb2.Workflow(id=entity_id(identifier_pb2.WORKFLOW))
    closure = found.closure.compiled_workflow
    template = closure.primary.template
    template.id.CopyFrom(found.id)
    template.interface.inputs.variables["test_split_ratio"].type.simple = types_pb2.FLOAT
    template.interface.inputs.variables["dataset"].type.blob.format = "csv"
    template.interface.inputs.variables["dataset"].description = "rows in canonical order " + NASTY
    template.interface.outputs.variables["accuracy"].type.simple = types_pb2.FLOAT
    prefix = "ml_training.pima_diabetes.diabetes."
    for id_, task in (("n0", "split"), ("n1", "train")):
        made = template.nodes.add(id=id_)
        made.task_node.reference_id.CopyFrom(entity_id(identifier_pb2.TASK, prefix + task))
    template.nodes[1].upstream_node_ids.append("n0")
    sub = template.nodes.add(id="n2", upstream_node_ids=["n1"])
    sub.workflow_node.sub_workflow_ref.CopyFrom(entity_id(identifier_pb2.WORKFLOW, prefix + "report"))
    for id_, name in (("n3", "rows"), ("n4", "is-it-right"), ("n5", "pause")):
        template.nodes.add(id=id_).metadata.name = name
    template.nodes[3].gate_node.signal.signal_id = "rows"
    template.nodes[3].gate_node.signal.type.collection_type.simple = types_pb2.INTEGER
    template.nodes[4].gate_node.approve.signal_id = "is-it's-right"
    template.nodes[5].gate_node.sleep.duration.FromSeconds(90)
    inner = closure.sub_workflows.add().template
    inner.id.CopyFrom(sub.workflow_node.sub_workflow_ref)
    made = inner.nodes.add(id="n0")
    made.metadata.name = "evaluate"
    made.task_node.reference_id.CopyFrom(entity_id(identifier_pb2.TASK, prefix + "evaluate"))
    made = inner.nodes.add(id="n1")
    made.workflow_node.launchplan_ref.CopyFrom(entity_id(identifier_pb2.LAUNCH_PLAN, prefix + "publish"))
    found.closure.created_at.FromDatetime(START - timedelta(hours=1))
    return found


def _task() -> task_pb2.Task:
    found = task_pb2.Task(id=entity_id(identifier_pb2.TASK, "ml_training.pima_diabetes.diabetes.train"))
    template = found.closure.compiled_task.template
    template.type = "python-task"
    template.container.image = "ghcr.io/flyteorg/flytekit:py3.11-1.16.31"
    template.container.args.extend(["pyflyte-execute", "--inputs", "{{.input}}"])
    template.metadata.retries.retries = 2
    found.closure.created_at.FromDatetime(START - timedelta(hours=1))
    return found


def _launch_plan() -> launch_plan_pb2.LaunchPlan:
    found = launch_plan_pb2.LaunchPlan(id=entity_id(identifier_pb2.LAUNCH_PLAN))
    found.spec.workflow_id.CopyFrom(entity_id(identifier_pb2.WORKFLOW))
    seed = found.closure.expected_inputs.parameters["seed"]
    seed.var.type.simple = types_pb2.INTEGER
    seed.default.scalar.primitive.integer = 7
    found.spec.fixed_inputs.literals["rows"].scalar.primitive.integer = 768
    found.spec.entity_metadata.schedule.cron_schedule.schedule = "0 6 * * *"
    found.closure.state = launch_plan_pb2.ACTIVE
    found.closure.created_at.FromDatetime(START - timedelta(hours=1))
    return found


def data(message: Any) -> Any:
    inputs, outputs = message.full_inputs.literals, message.full_outputs.literals
    inputs["dataset"].scalar.blob.uri = "s3://my-s3-bucket/flytesnacks/development/AB======/diabetes.csv"
    inputs["seed"].scalar.primitive.integer = 5
    inputs["test_split_ratio"].scalar.primitive.float_value = 0.66
    inputs["note"].scalar.primitive.string_value = NASTY
    inputs["parameters"].scalar.binary.value = msgpack.packb({"max_depth": 3, "eta": 0.1, "rounds": 200})
    inputs["parameters"].scalar.binary.tag = "msgpack"
    for name in ("glucose", "bmi", "age"):
        inputs["columns"].collection.literals.add().scalar.primitive.string_value = name
    outputs["accuracy"].scalar.primitive.float_value = 0.7519685
    outputs["model"].scalar.blob.uri = "s3://my-s3-bucket/data/kz/alxq-n1-0/9f8b/model.joblib"
    outputs["elsewhere"].scalar.blob.uri = "javascript:alert(1)"
    return message


def _projects() -> project_pb2.Projects:
    found = project_pb2.Projects()
    for id_, name in (("flytesnacks", "flytesnacks"), ("taxi", "New York taxi")):
        project = found.projects.add(id=id_, name=name, description="Examples " + NASTY)
        for domain in ("development", "staging", "production"):
            project.domains.add(id=domain, name=domain)
    return found


def _deck(request: Any) -> dataproxy_pb2.CreateDownloadLinkResponse:
    if request.node_execution_id.node_id != "n2-0-n0":
        raise NotFound("no deckUrl found for request")
    url = "http://flyte.example:1/signed/my-s3-bucket/metadata/deck.html?expires=1&signature=x"
    return dataproxy_pb2.CreateDownloadLinkResponse(
        pre_signed_urls=dataproxy_pb2.PreSignedURLs(signed_url=[url])
    )


class Examples:
    """What each RPC answers."""

    def __init__(self) -> None:
        self.executions = _executions()
        self.nodes = _nodes()
        self.listed: dict[tuple[str, str], list[Any]] = {}
        """What a list says instead."""

    def table(self) -> dict[str, Message | Callable[[Any], Message]]:
        names = common_pb2.NamedEntityIdentifierList(
            entities=[
                common_pb2.NamedEntityIdentifier(**PLACE, name=name) for name in (WORKFLOW, "basics.hello")
            ]
        )
        return {
            "ListProjects": _projects(),
            "ListWorkflowIds": names,
            "ListLaunchPlanIds": names,
            "ListTaskIds": names,
            "ListExecutions": execution_pb2.ExecutionList(executions=self.executions.values()),
            "ListWorkflows": workflow_pb2.WorkflowList(workflows=[_workflow()]),
            "ListTasks": task_pb2.TaskList(tasks=[_task()]),
            "ListLaunchPlans": launch_plan_pb2.LaunchPlanList(launch_plans=[_launch_plan()]),
            "GetWorkflow": _workflow(),
            "GetTask": _task(),
            "GetLaunchPlan": _launch_plan(),
            "GetExecution": self._execution,
            "GetExecutionData": lambda _: data(execution_pb2.WorkflowExecutionGetDataResponse()),
            "ListNodeExecutions": self._list_nodes,
            "GetNodeExecution": self._node,
            "GetNodeExecutionData": lambda _: data(node_execution_pb2.NodeExecutionGetDataResponse()),
            "ListTaskExecutions": self._list_attempts,
            "CreateDownloadLink": _deck,
            "CreateDownloadLocation": lambda request: dataproxy_pb2.CreateDownloadLocationResponse(
                signed_url=f"http://flyte.example:1/signed/{request.native_url[5:]}?expires=1&signature=x"
            ),
        }

    def _execution(self, request: Any) -> Message:
        if request.id.name not in self.executions:
            raise NotFound(f"missing entity of type execution with identifier [{request.id.name}]")
        return self.executions[request.id.name]

    def _list_nodes(self, request: Any) -> node_execution_pb2.NodeExecutionList:
        key = request.workflow_execution_id.name, request.unique_parent_id
        found = self.listed.get(key) or self.nodes.get(key, [])
        return node_execution_pb2.NodeExecutionList(node_executions=found)

    def _find(self, id_: Any) -> Any:
        everything = (found for nodes in self.nodes.values() for found in nodes)
        return next((found for found in everything if found.id == id_), None)

    def _node(self, request: Any) -> Message:
        found = self._find(request.id)
        if found is None:
            raise NotFound("missing entity of type node execution with identifier ..")
        return found

    def _list_attempts(self, request: Any) -> task_execution_pb2.TaskExecutionList:
        found = self._find(request.node_execution_id)
        is_gate = found is not None and found.id.node_id in ("n3", "n4", "n5")
        attempts = _attempts(found) if found is not None and not is_gate else []
        return task_execution_pb2.TaskExecutionList(task_executions=attempts)


@pytest.fixture
def examples(call: Any) -> Examples:
    """The examples, behind the RPCs that the pages ask."""
    found = Examples()
    call.answers.update(found.table())
    return found
