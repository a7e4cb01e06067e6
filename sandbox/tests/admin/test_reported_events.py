"""Events that come by a call: what is refused with which code and detail, and what they change."""

from __future__ import annotations

from typing import Any

import pytest
from flyteidl.admin import common_pb2, event_pb2, execution_pb2, node_execution_pb2, task_execution_pb2
from flyteidl.core import compiler_pb2, identifier_pb2, literals_pb2
from google.protobuf import struct_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from flyte_sandbox.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, SandboxError
from flyte_sandbox.phases import NODE, NODE_TERMINAL, TASK, WORKFLOW, WORKFLOW_TERMINAL

from .launches import PROJECT, ExecutionId, get, inputs, launch
from .rooms import Rooms
from .teller import Teller


@pytest.fixture
def teller(rooms: Rooms) -> Teller:
    return Teller(rooms)


def terminal_phase(error: SandboxError) -> str:
    (reason,) = error.details
    assert isinstance(reason, event_pb2.EventFailureReason)
    return str(reason.already_in_terminal_state.current_phase)


# ---- executions


def test_an_execution_runs_and_ends_as_it_is_told(teller: Teller) -> None:
    teller.workflow(WORKFLOW.RUNNING)
    teller.workflow(WORKFLOW.SUCCEEDED, output_data=inputs(o0=2))
    closure = get(teller.admin, teller.id).closure
    assert closure.phase == WORKFLOW.SUCCEEDED
    assert (closure.duration.seconds, closure.started_at.seconds + 1) == (1, closure.updated_at.seconds)
    request = execution_pb2.WorkflowExecutionGetDataRequest(id=teller.id)
    assert teller.admin.executions.get_data(request).full_outputs == inputs(o0=2)
    assert closure.outputs.uri.endswith(f"{teller.id.name}/offloaded_outputs")
    assert teller.rooms.told == [teller.id] * 3


def is_legal(current: int, wanted: int) -> bool:
    if current in WORKFLOW_TERMINAL or (current, wanted) == (WORKFLOW.RUNNING, WORKFLOW.QUEUED):
        return False
    if current == WORKFLOW.ABORTING:
        return wanted in WORKFLOW_TERMINAL
    return current != wanted or wanted == WORKFLOW.QUEUED


@pytest.mark.parametrize("current", WORKFLOW.values())
def test_every_move_of_an_execution_is_as_the_table_says(teller: Teller, current: int) -> None:
    for wanted in WORKFLOW.values():
        teller.id = launch(teller.admin)
        if current != WORKFLOW.UNDEFINED:
            teller.workflow(current)
        if is_legal(current, wanted):
            teller.workflow(wanted)
            assert get(teller.admin, teller.id).closure.phase == wanted
        else:
            check_refused(teller, current, wanted)


def check_refused(teller: Teller, current: int, wanted: int) -> None:
    with pytest.raises(AlreadyExists if current == wanted else FailedPrecondition) as error:
        teller.workflow(wanted)
    assert get(teller.admin, teller.id).closure.phase == current
    if current in WORKFLOW_TERMINAL and current != wanted:
        assert terminal_phase(error.value) == WORKFLOW.Name(current)


def test_only_the_cluster_that_queued_an_execution_goes_on_with_it(teller: Teller) -> None:
    teller.workflow(WORKFLOW.QUEUED, producer_id="one")
    with pytest.raises(FailedPrecondition) as error:
        teller.workflow(WORKFLOW.RUNNING, producer_id="other")
    (reason,) = error.value.details
    assert reason.incompatible_cluster.cluster == "one"  # type: ignore[attr-defined]
    teller.workflow(WORKFLOW.QUEUED, producer_id="other")
    teller.workflow(WORKFLOW.RUNNING, producer_id="other")


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"execution_id": None}, InvalidArgument, "missing execution_id"),
        ({"execution_id": ExecutionId(project=PROJECT)}, InvalidArgument, "missing domain"),
        ({"occurred_at": None}, InvalidArgument, "missing occurred_at"),
        ({"occurred_at": Timestamp(seconds=2**60)}, InvalidArgument, "invalid value for occurred_at"),
        (
            {"execution_id": ExecutionId(project=PROJECT, domain="development", name="no")},
            NotFound,
            "missing entity of type execution",
        ),
    ],
)
def test_what_an_event_of_an_execution_needs(
    teller: Teller, fields: dict[str, Any], error: type[SandboxError], message: str
) -> None:
    with pytest.raises(error, match=message):
        teller.workflow(WORKFLOW.RUNNING, **fields)
    with pytest.raises(InvalidArgument, match="invalid value for phase"):
        teller.workflow(99)
    with pytest.raises(InvalidArgument, match="missing event"):
        teller.admin.reported_events.create_workflow(event_pb2.WorkflowExecutionEventRequest())


# ---- nodes


@pytest.mark.parametrize("first", NODE.values())
def test_a_node_begins_with_any_phase(teller: Teller, first: int) -> None:
    teller.node(first)
    node = teller.get_node()
    assert node.closure.phase == first
    assert node.closure.created_at.seconds == teller.seconds
    assert node.closure.HasField("started_at") == (first == NODE.RUNNING)


@pytest.mark.parametrize("current", NODE.values())
def test_nothing_leaves_a_terminal_phase_of_a_node_and_none_is_told_twice(
    teller: Teller, current: int
) -> None:
    for wanted in NODE.values():
        name = f"n{wanted}"
        teller.node(current, name)
        if current != wanted and current not in NODE_TERMINAL:
            teller.node(wanted, name)
            assert teller.get_node(name).closure.phase == wanted
            continue
        with pytest.raises(AlreadyExists if current == wanted else FailedPrecondition) as error:
            teller.node(wanted, name)
        if current != wanted:
            assert terminal_phase(error.value) == NODE.Name(wanted)


def test_a_node_keeps_its_first_inputs_and_its_cache_status_with_a_key(teller: Teller) -> None:
    teller.node(NODE.QUEUED, input_data=inputs(x=1))
    teller.node(NODE.RUNNING, input_uri="s3://my-s3-bucket/other", task_node_metadata={"cache_status": 2})
    assert teller.get_node().input_uri.endswith("/n0/offloaded_inputs")
    assert not teller.get_node().closure.HasField("task_node_metadata")
    key = {"dataset_id": {"name": "flyte_task-a"}}
    teller.node(NODE.SUCCEEDED, task_node_metadata={"cache_status": 3, "catalog_key": key})
    assert teller.get_node().closure.task_node_metadata.cache_status == 3
    request = node_execution_pb2.NodeExecutionListRequest(
        workflow_execution_id=teller.id, limit=9, filters="eq(cache_status,CACHE_POPULATED)"
    )
    assert len(teller.admin.node_executions.list(request).node_executions) == 1


def test_what_a_node_names_has_to_exist(teller: Teller) -> None:
    nobody = ExecutionId(project=PROJECT, domain="development", name="no")
    other = identifier_pb2.NodeExecutionIdentifier(execution_id=nobody, node_id="n0")
    for fields, message in (
        ({"id": other}, "Failed to get existing execution id"),
        ({"parent_node_metadata": {"node_id": "n9"}}, "missing entity of type node execution"),
        ({"workflow_node_metadata": {"execution_id": nobody}}, "Failed to get existing execution id"),
        ({"parent_task_metadata": {"id": teller.task_id()}}, "missing entity of type task execution"),
    ):
        with pytest.raises(NotFound, match=message):
            teller.node(NODE.QUEUED, **fields)  # type: ignore[arg-type]
    request = node_execution_pb2.NodeExecutionListRequest(workflow_execution_id=teller.id, limit=9)
    assert not teller.admin.node_executions.list(request).node_executions


def test_a_dynamic_node_brings_its_workflow(teller: Teller) -> None:
    compiled = compiler_pb2.CompiledWorkflowClosure()
    compiled.primary.template.id.name = "yielded"
    dynamic = {"compiled_workflow": compiled, "dynamic_job_spec_uri": "s3://my-s3-bucket/x/futures.pb"}
    teller.node(NODE.DYNAMIC_RUNNING, is_parent=True, task_node_metadata={"dynamic_workflow": dynamic})
    request = node_execution_pb2.GetDynamicNodeWorkflowRequest(id=teller.node_id())
    assert teller.admin.node_executions.get_dynamic_workflow(request).compiled_workflow == compiled
    data = node_execution_pb2.NodeExecutionGetDataRequest(id=teller.node_id())
    assert teller.admin.node_executions.get_data(data).dynamic_workflow.id.name == "yielded"
    teller.node(NODE.RUNNING, "n1")
    with pytest.raises(NotFound, match="node does not contain dynamic workflow"):
        teller.admin.node_executions.get_dynamic_workflow(
            node_execution_pb2.GetDynamicNodeWorkflowRequest(id=teller.node_id("n1"))
        )


def test_a_branch_is_a_parent_only_in_lists(teller: Teller) -> None:
    teller.node(NODE.RUNNING)
    teller.node(NODE.RUNNING, "n0-0-n0-n1", parent_node_metadata={"node_id": "n0"}, spec_node_id="n0-n1")
    request = node_execution_pb2.NodeExecutionListRequest(workflow_execution_id=teller.id, limit=9)
    (top,) = teller.admin.node_executions.list(request).node_executions
    assert top.metadata.is_parent_node
    assert not teller.get_node().metadata.is_parent_node
    request.unique_parent_id = "n0"
    (child,) = teller.admin.node_executions.list(request).node_executions
    assert child.metadata.spec_node_id == "n0-n1"
    request.unique_parent_id = "n9"
    with pytest.raises(NotFound):
        teller.admin.node_executions.list(request)


# ---- attempts


def test_an_attempt_is_told_again_only_with_a_higher_version(teller: Teller) -> None:
    teller.node(NODE.RUNNING)
    teller.task(TASK.RUNNING, phase_version=1)
    with pytest.raises(AlreadyExists, match="have already recorded task execution phase RUNNING"):
        teller.task(TASK.RUNNING, phase_version=1)
    teller.task(TASK.RUNNING, phase_version=2)
    teller.task(TASK.SUCCEEDED, output_data=inputs(o0=1))
    assert teller.get_task().closure.duration.seconds == 3
    with pytest.raises(FailedPrecondition) as error:
        teller.task(TASK.RUNNING, phase_version=9)
    assert terminal_phase(error.value) == "RUNNING"
    data = task_execution_pb2.TaskExecutionGetDataRequest(id=teller.task_id())
    assert teller.admin.task_executions.get_data(data).full_outputs == inputs(o0=1)


def test_custom_info_is_merged_as_a_patch(teller: Teller) -> None:
    teller.node(NODE.RUNNING)
    for version, info in enumerate(
        ({"a": {"b": 1, "c": 2}, "d": [1]}, {"a": {"b": None, "e": {}}, "d": [2]})
    ):
        patch = struct_pb2.Struct()
        patch.update(info)
        teller.task(TASK.RUNNING, phase_version=version, custom_info=patch)
    expected = struct_pb2.Struct()
    expected.update({"a": {"c": 2, "e": {}}, "d": [2]})
    assert teller.get_task().closure.custom_info == expected


@pytest.mark.parametrize("data", [b"\xff\xff no message", None])
def test_data_that_cannot_be_read_shows_as_none(teller: Teller, data: bytes | None) -> None:
    uri = "s3://my-s3-bucket/odd" if data else "s3://another-bucket/odd"
    if data:
        teller.rooms.store.write(uri, data)
    teller.node(NODE.SUCCEEDED, output_uri=uri)
    teller.workflow(WORKFLOW.RUNNING)
    teller.workflow(WORKFLOW.SUCCEEDED, output_uri=uri)
    of_node = node_execution_pb2.NodeExecutionGetDataRequest(id=teller.node_id())
    assert teller.admin.node_executions.get_data(of_node).full_outputs == literals_pb2.LiteralMap()
    of_execution = execution_pb2.WorkflowExecutionGetDataRequest(id=teller.id)
    shown = teller.admin.executions.get_data(of_execution)
    assert shown.full_outputs == literals_pb2.LiteralMap()
    assert shown.outputs == common_pb2.UrlBlob()


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"task_id": None}, InvalidArgument, "missing task_id"),
        ({"parent_node_execution_id": None}, InvalidArgument, "missing parent_node_execution_id"),
        ({"occurred_at": None}, InvalidArgument, "missing occurred_at"),
        ({"task_id": identifier_pb2.Identifier()}, InvalidArgument, "unexpected resource type"),
        ({}, NotFound, "failed to get existing node execution id"),
    ],
)
def test_what_an_event_of_an_attempt_needs(
    teller: Teller, fields: dict[str, Any], error: type[SandboxError], message: str
) -> None:
    with pytest.raises(error, match=message):
        teller.task(TASK.QUEUED, **fields)


def test_nodes_that_a_task_launched_are_listed_for_it(teller: Teller) -> None:
    teller.node(NODE.RUNNING)
    teller.task(TASK.RUNNING)
    request = node_execution_pb2.NodeExecutionForTaskListRequest(task_execution_id=teller.task_id(), limit=9)
    list_for_task = teller.admin.node_executions.list_for_task
    assert list_for_task(request) == node_execution_pb2.NodeExecutionList()
    assert not teller.get_task().is_parent
    teller.node(NODE.RUNNING, "n1", parent_task_metadata={"id": teller.task_id()})
    assert [one.id.node_id for one in list_for_task(request).node_executions] == ["n1"]
    listed = task_execution_pb2.TaskExecutionListRequest(node_execution_id=teller.node_id(), limit=9)
    assert [one.is_parent for one in teller.admin.task_executions.list(listed).task_executions] == [True]
    request.task_execution_id.retry_attempt = 7
    with pytest.raises(NotFound, match="missing entity of type task execution"):
        list_for_task(request)
    request.limit = 0
    with pytest.raises(InvalidArgument, match="invalid value for limit"):
        list_for_task(request)


def test_the_type_of_a_task_may_be_left_out_when_it_is_read(teller: Teller) -> None:
    teller.node(NODE.RUNNING)
    teller.task(TASK.RUNNING)
    id = teller.task_id()
    id.task_id.resource_type = identifier_pb2.UNSPECIFIED
    request = task_execution_pb2.TaskExecutionGetRequest(id=id)
    assert teller.admin.task_executions.get(request).id == teller.task_id()
    request.id.node_execution_id.ClearField("node_id")
    with pytest.raises(InvalidArgument, match="missing node_id"):
        teller.admin.task_executions.get(request)


def test_an_aborted_execution_keeps_why(teller: Teller) -> None:
    terminate = execution_pb2.ExecutionTerminateRequest(id=teller.id, cause="enough")
    teller.admin.executions.terminate(terminate)
    teller.admin.executions.terminate(terminate)
    assert get(teller.admin, teller.id).closure.phase == WORKFLOW.ABORTING
    teller.workflow(WORKFLOW.ABORTED)
    assert get(teller.admin, teller.id).closure.abort_metadata.cause == "enough"
    with pytest.raises(FailedPrecondition, match="Cannot abort an already terminated") as error:
        teller.admin.executions.terminate(terminate)
    assert terminal_phase(error.value) == "ABORTED"


def test_errors_are_cut_short_in_lists_of_executions_and_nodes_only(teller: Teller) -> None:
    error = {"code": "Bad", "kind": 1, "message": "ü" * 200}
    teller.node(NODE.RUNNING)
    teller.task(TASK.FAILED, error=error)
    teller.node(NODE.FAILED, error=error)
    teller.workflow(WORKFLOW.FAILED, error=error)
    request = node_execution_pb2.NodeExecutionListRequest(workflow_execution_id=teller.id, limit=9)
    (node,) = teller.admin.node_executions.list(request).node_executions
    assert node.closure.error.message == "ü" * 50
    assert teller.get_node().closure.error.message == "ü" * 200
    listed = task_execution_pb2.TaskExecutionListRequest(node_execution_id=teller.node_id(), limit=9)
    (task,) = teller.admin.task_executions.list(listed).task_executions
    assert task.closure.error.message == "ü" * 200
    scope = common_pb2.NamedEntityIdentifier(project=PROJECT, domain="development")
    filters = "eq(error_kind,USER)+eq(error_code,Bad)+eq(phase,FAILED)"
    found = teller.admin.executions.list(common_pb2.ResourceListRequest(id=scope, limit=9, filters=filters))
    assert found.executions[0].closure.error.message == "ü" * 50
    assert isinstance(found.executions[0].spec.inputs, literals_pb2.LiteralMap)
