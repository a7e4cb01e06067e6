"""Map tasks: array nodes."""

from __future__ import annotations

from flyteidl.admin import task_execution_pb2
from flyteidl.core.execution_pb2 import TaskExecution, WorkflowExecution
from flyteidl.service.admin_pb2_grpc import AdminServiceStub
from flytekit.remote import FlyteRemote

from .index import covers
from .running import run


@covers("node array", "rpc ListTaskExecutions")
def test_every_item_is_mapped_in_order(remote: FlyteRemote, registered: str, admin: AdminServiceStub) -> None:
    execution = run(remote, "maps.squares", registered, numbers=[1, 2, 3, 4])
    assert execution.outputs["o0"] == [1, 4, 9, 16]
    node = execution.node_executions["n0"]
    assert node.metadata.is_array
    request = task_execution_pb2.TaskExecutionListRequest(node_execution_id=node.id.to_flyte_idl(), limit=10)
    (attempt,) = admin.ListTaskExecutions(request).task_executions
    assert attempt.closure.task_type == "container_array"
    resources = attempt.closure.metadata.external_resources
    assert [(one.index, one.phase) for one in resources] == [(i, TaskExecution.SUCCEEDED) for i in range(4)]
    assert all(one.logs for one in resources)


def test_no_items_give_no_outputs(remote: FlyteRemote, registered: str) -> None:
    assert run(remote, "maps.squares", registered, numbers=[]).outputs["o0"] == []


def test_bound_inputs_are_the_same_for_all_items(remote: FlyteRemote, registered: str) -> None:
    execution = run(remote, "maps.scaled", registered, numbers=[1, 2, 3, 4, 5], factor=10)
    assert execution.outputs["o0"] == [10, 20, 30, 40, 50]


def test_one_failing_item_fails_the_node(remote: FlyteRemote, registered: str) -> None:
    execution = run(remote, "maps.all_must_succeed", registered, numbers=[2, 3, 4])
    assert execution.closure.phase == WorkflowExecution.FAILED
    assert execution.error.message.startswith("[1]: ")
    assert "odd" in execution.error.message


def test_some_may_fail_when_the_ratio_allows_it(remote: FlyteRemote, registered: str) -> None:
    execution = run(remote, "maps.half_may_fail", registered, numbers=[2, 3, 4, 5])
    assert execution.outputs["o0"] == [2, None, 4, None]


def test_an_item_is_retried_alone(remote: FlyteRemote, registered: str, admin: AdminServiceStub) -> None:
    execution = run(remote, "maps.retried", registered, numbers=[0, 1, 2])
    assert execution.outputs["o0"] == [0, 1, 2]
    node = execution.node_executions["n0"]
    request = task_execution_pb2.TaskExecutionListRequest(node_execution_id=node.id.to_flyte_idl(), limit=10)
    (attempt,) = admin.ListTaskExecutions(request).task_executions
    resources = attempt.closure.metadata.external_resources
    assert sorted((one.index, one.retry_attempt) for one in resources) == [(0, 0), (1, 0), (1, 1), (2, 0)]
