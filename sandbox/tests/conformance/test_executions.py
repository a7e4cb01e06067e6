"""Reading an execution and what belongs to it, over the raw calls: nodes, attempts, data, decks, spans."""

from __future__ import annotations

import re
import urllib.request

import grpc
import pytest
from flyteidl.admin import (
    common_pb2,
    event_pb2,
    execution_pb2,
    node_execution_pb2,
    task_execution_pb2,
)
from flyteidl.core import identifier_pb2
from flyteidl.core.execution_pb2 import NodeExecution, TaskExecution, WorkflowExecution
from flyteidl.event import event_pb2 as told
from flyteidl.service import dataproxy_pb2
from flyteidl.service.admin_pb2_grpc import AdminServiceStub
from flyteidl.service.dataproxy_pb2_grpc import DataProxyServiceStub
from flytekit.remote import FlyteRemote
from google.rpc import status_pb2

from .index import covers
from .running import run

ExecutionId = identifier_pb2.WorkflowExecutionIdentifier


@pytest.fixture(scope="module")
def hello(remote: FlyteRemote, registered: str) -> ExecutionId:
    """Ended: two tasks in a row."""
    return run(remote, "hello.hello", registered, name="you").id.to_flyte_idl()


@pytest.fixture(scope="module")
def nested(remote: FlyteRemote, registered: str) -> ExecutionId:
    """Ended: a task, then a sub-workflow."""
    return run(remote, "nested.outer", registered, number=3).id.to_flyte_idl()


def list_nodes(admin: AdminServiceStub, id: ExecutionId, parent: str = "") -> list[str]:
    request = node_execution_pb2.NodeExecutionListRequest(
        workflow_execution_id=id, limit=100, unique_parent_id=parent
    )
    return [one.id.node_id for one in admin.ListNodeExecutions(request).node_executions]


def node_id(execution: ExecutionId, name: str) -> identifier_pb2.NodeExecutionIdentifier:
    return identifier_pb2.NodeExecutionIdentifier(execution_id=execution, node_id=name)


def only_attempt(
    admin: AdminServiceStub, execution: ExecutionId, name: str
) -> task_execution_pb2.TaskExecution:
    request = task_execution_pb2.TaskExecutionListRequest(
        node_execution_id=node_id(execution, name), limit=10
    )
    (attempt,) = admin.ListTaskExecutions(request).task_executions
    return attempt


@covers("rpc ListNodeExecutions", "trap 10", "trap 11")
def test_nested_nodes_are_listed_below_their_parent_only(
    admin: AdminServiceStub, nested: ExecutionId
) -> None:
    assert sorted(list_nodes(admin, nested)) == ["end-node", "n0", "n1", "start-node"]
    assert sorted(list_nodes(admin, nested, "n1")) == [
        "n1-0-end-node",
        "n1-0-n0",
        "n1-0-n1",
        "n1-0-start-node",
    ]


@covers("rpc GetNodeExecution", "trap 11")
def test_a_nested_node_names_its_place_in_the_sub_workflow(
    admin: AdminServiceStub, nested: ExecutionId
) -> None:
    get = node_execution_pb2.NodeExecutionGetRequest
    inner = admin.GetNodeExecution(get(id=node_id(nested, "n1-0-n1")))
    assert (inner.metadata.spec_node_id, inner.metadata.retry_group) == ("n1", "0")
    assert inner.closure.phase == NodeExecution.SUCCEEDED
    assert admin.GetNodeExecution(get(id=node_id(nested, "n1"))).metadata.is_parent_node
    with pytest.raises(grpc.RpcError) as error:
        admin.GetNodeExecution(get(id=node_id(nested, "n9")))
    assert error.value.code() == grpc.StatusCode.NOT_FOUND


@covers("rpc GetNodeExecutionData", "trap 12")
def test_the_data_of_a_node_comes_inline(admin: AdminServiceStub, hello: ExecutionId) -> None:
    data = admin.GetNodeExecutionData(node_execution_pb2.NodeExecutionGetDataRequest(id=node_id(hello, "n0")))
    assert data.full_inputs.literals["name"].scalar.primitive.string_value == "you"
    assert data.full_outputs.literals["o0"].scalar.primitive.string_value == "hello you"
    assert (data.inputs.bytes, data.outputs.bytes) == (0, 0)
    assert data.flyte_urls.inputs == f"flyte://v1/{hello.project}/development/{hello.name}/n0/i"
    assert not data.HasField("dynamic_workflow")


@covers("node start and end")
def test_the_first_node_has_the_inputs_and_the_last_the_outputs(
    admin: AdminServiceStub, hello: ExecutionId
) -> None:
    get = node_execution_pb2.NodeExecutionGetDataRequest
    first = admin.GetNodeExecutionData(get(id=node_id(hello, "start-node"))).full_outputs.literals
    last = admin.GetNodeExecutionData(get(id=node_id(hello, "end-node"))).full_outputs.literals
    assert first["name"].scalar.primitive.string_value == "you"
    assert last["o0"].scalar.primitive.string_value == "HELLO YOU"


@covers("rpc GetTaskExecution", "rpc GetTaskExecutionData", "rpc ListTaskExecutions")
def test_an_attempt_tells_its_times_and_data(admin: AdminServiceStub, hello: ExecutionId) -> None:
    listed = only_attempt(admin, hello, "n0")
    attempt = admin.GetTaskExecution(task_execution_pb2.TaskExecutionGetRequest(id=listed.id))
    assert attempt == listed
    closure = attempt.closure
    assert closure.phase == TaskExecution.SUCCEEDED
    assert closure.task_type == "python-task"
    assert closure.created_at.ToNanoseconds() <= closure.started_at.ToNanoseconds()
    assert closure.duration.ToNanoseconds() > 0
    data = admin.GetTaskExecutionData(task_execution_pb2.TaskExecutionGetDataRequest(id=attempt.id))
    assert data.full_outputs.literals["o0"].scalar.primitive.string_value == "hello you"
    assert data.flyte_urls.outputs == f"flyte://v1/{hello.project}/development/{hello.name}/n0/0/o"


@covers("rpc ListNodeExecutionsForTask")
def test_an_attempt_that_launched_nothing_has_no_nodes(admin: AdminServiceStub, hello: ExecutionId) -> None:
    attempt = only_attempt(admin, hello, "n0")
    request = node_execution_pb2.NodeExecutionForTaskListRequest(task_execution_id=attempt.id, limit=10)
    assert not admin.ListNodeExecutionsForTask(request).node_executions


@covers("rpc GetExecutionData", "trap 12")
def test_the_data_of_an_execution_comes_inline(admin: AdminServiceStub, hello: ExecutionId) -> None:
    data = admin.GetExecutionData(execution_pb2.WorkflowExecutionGetDataRequest(id=hello))
    assert data.full_outputs.literals["o0"].scalar.primitive.string_value == "HELLO YOU"
    assert data.outputs.bytes == 0


@covers("rpc GetExecutionMetrics")
def test_the_time_of_an_execution_is_spent_in_spans(admin: AdminServiceStub, hello: ExecutionId) -> None:
    request = execution_pb2.WorkflowExecutionGetMetricsRequest(id=hello, depth=10)
    root = admin.GetExecutionMetrics(request).span
    assert root.workflow_id == hello
    operations = [span.operation_id for span in root.spans if span.operation_id]
    assert operations[0] == "WORKFLOW_SETUP"
    assert operations[-1] == "WORKFLOW_TEARDOWN"
    assert [span.node_id.node_id for span in root.spans if span.HasField("node_id")] == ["n0", "n1"]
    flat = admin.GetExecutionMetrics(execution_pb2.WorkflowExecutionGetMetricsRequest(id=hello, depth=0))
    assert not flat.span.spans


@covers("rpc RecoverExecution")
def test_recovering_takes_over_what_succeeded(
    remote: FlyteRemote, registered: str, admin: AdminServiceStub
) -> None:
    failed = run(remote, "failing.fails", registered, text="because").id
    id = admin.RecoverExecution(execution_pb2.ExecutionRecoverRequest(id=failed.to_flyte_idl())).id
    ended = remote.wait(remote.fetch_execution(name=id.name), poll_interval=0.1)
    assert ended.spec.metadata.mode == execution_pb2.ExecutionMetadata.RECOVERED
    assert ended.spec.metadata.reference_execution == failed
    assert "boom: because" in ended.error.message


@covers("rpc RecoverExecution")
def test_what_succeeded_is_not_run_again(
    remote: FlyteRemote, admin: AdminServiceStub, hello: ExecutionId
) -> None:
    id = admin.RecoverExecution(execution_pb2.ExecutionRecoverRequest(id=hello)).id
    ended = remote.wait(remote.fetch_execution(name=id.name), poll_interval=0.1)
    assert ended.closure.phase == WorkflowExecution.SUCCEEDED
    get = node_execution_pb2.NodeExecutionGetRequest
    node = admin.GetNodeExecution(get(id=node_id(id, "n0")))
    assert node.closure.phase == NodeExecution.RECOVERED
    request = task_execution_pb2.TaskExecutionListRequest(node_execution_id=node.id, limit=10)
    assert not admin.ListTaskExecutions(request).task_executions


@covers("trap 9")
def test_a_single_task_is_wrapped_into_a_workflow_of_its_own(
    remote: FlyteRemote, registered: str, admin: AdminServiceStub
) -> None:
    task = remote.fetch_task(name="examples.hello.say", version=registered)
    ended = remote.wait(remote.execute(task, inputs={"name": "alone"}), poll_interval=0.1)
    execution = admin.GetExecution(execution_pb2.WorkflowExecutionGetRequest(id=ended.id.to_flyte_idl()))
    assert execution.spec.launch_plan.resource_type == identifier_pb2.TASK
    assert execution.closure.workflow_id.name == ".flytegen.examples.hello.say"
    others = [name for name in list_nodes(admin, execution.id) if name not in ("start-node", "end-node")]
    assert len(others) == 1
    workflow = admin.GetWorkflow(common_pb2.ObjectGetRequest(id=execution.closure.workflow_id))
    assert workflow.id == execution.closure.workflow_id


def refusal(error: pytest.ExceptionInfo[grpc.RpcError]) -> event_pb2.EventFailureReason:
    trailing = dict(error.value.trailing_metadata())
    status = status_pb2.Status.FromString(trailing["grpc-status-details-bin"])
    reason = event_pb2.EventFailureReason()
    assert status.details[0].Unpack(reason)
    return reason


@covers("rpc CreateWorkflowEvent", "trap 13")
def test_nothing_comes_after_the_end_of_an_execution(admin: AdminServiceStub, hello: ExecutionId) -> None:
    event = told.WorkflowExecutionEvent(execution_id=hello, phase=WorkflowExecution.RUNNING)
    event.occurred_at.GetCurrentTime()
    with pytest.raises(grpc.RpcError) as error:
        admin.CreateWorkflowEvent(event_pb2.WorkflowExecutionEventRequest(event=event))
    assert error.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert refusal(error).already_in_terminal_state.current_phase == "SUCCEEDED"
    event.phase = WorkflowExecution.SUCCEEDED
    with pytest.raises(grpc.RpcError) as again:
        admin.CreateWorkflowEvent(event_pb2.WorkflowExecutionEventRequest(event=event))
    assert again.value.code() == grpc.StatusCode.ALREADY_EXISTS


@covers("rpc CreateNodeEvent")
def test_nothing_comes_after_the_end_of_a_node(admin: AdminServiceStub, hello: ExecutionId) -> None:
    event = told.NodeExecutionEvent(id=node_id(hello, "n0"), phase=NodeExecution.RUNNING)
    event.occurred_at.GetCurrentTime()
    with pytest.raises(grpc.RpcError) as error:
        admin.CreateNodeEvent(event_pb2.NodeExecutionEventRequest(event=event))
    assert error.value.code() == grpc.StatusCode.FAILED_PRECONDITION


@covers("rpc CreateTaskEvent")
def test_nothing_comes_after_the_end_of_an_attempt(admin: AdminServiceStub, hello: ExecutionId) -> None:
    attempt = only_attempt(admin, hello, "n0")
    event = told.TaskExecutionEvent(
        task_id=attempt.id.task_id,
        parent_node_execution_id=attempt.id.node_execution_id,
        phase=TaskExecution.RUNNING,
    )
    event.occurred_at.GetCurrentTime()
    with pytest.raises(grpc.RpcError) as error:
        admin.CreateTaskEvent(event_pb2.TaskExecutionEventRequest(event=event))
    assert error.value.code() == grpc.StatusCode.FAILED_PRECONDITION


@covers("rpc CreateDownloadLink")
def test_a_deck_is_read_by_its_link(
    endpoint: str, remote: FlyteRemote, registered: str, admin: AdminServiceStub
) -> None:
    execution = run(remote, "starting.cleaned_up", registered, number=1).id.to_flyte_idl()
    request = dataproxy_pb2.CreateDownloadLinkRequest(
        artifact_type=dataproxy_pb2.ARTIFACT_TYPE_DECK, node_execution_id=node_id(execution, "fn0")
    )
    with grpc.insecure_channel(endpoint) as channel:
        answer = DataProxyServiceStub(channel).CreateDownloadLink(request)
    assert list(answer.signed_url) == list(answer.pre_signed_urls.signed_url)
    with urllib.request.urlopen(answer.signed_url[0]) as page:  # noqa: S310 - what the server signed
        assert re.search("<html|<!doctype", page.read().decode(), re.IGNORECASE)


@covers("rpc CreateDownloadLink")
def test_a_node_without_a_deck_has_no_link(endpoint: str, hello: ExecutionId) -> None:
    request = dataproxy_pb2.CreateDownloadLinkRequest(
        artifact_type=dataproxy_pb2.ARTIFACT_TYPE_DECK, node_execution_id=node_id(hello, "start-node")
    )
    with grpc.insecure_channel(endpoint) as channel, pytest.raises(grpc.RpcError) as error:
        DataProxyServiceStub(channel).CreateDownloadLink(request)
    assert error.value.code() == grpc.StatusCode.NOT_FOUND


@covers("rpc GetData")
def test_values_are_resolved_by_their_flyte_url(endpoint: str, hello: ExecutionId) -> None:
    prefix = f"flyte://v1/{hello.project}/development/{hello.name}/n0"
    with grpc.insecure_channel(endpoint) as channel:
        data = DataProxyServiceStub(channel)
        whole = data.GetData(dataproxy_pb2.GetDataRequest(flyte_url=f"{prefix}/o"))
        one = data.GetData(dataproxy_pb2.GetDataRequest(flyte_url=f"{prefix}/0/o/o0"))
        with pytest.raises(grpc.RpcError) as error:
            data.GetData(dataproxy_pb2.GetDataRequest(flyte_url="https://example.com"))
    assert whole.literal_map.literals["o0"] == one.literal
    assert one.literal.scalar.primitive.string_value == "hello you"
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
