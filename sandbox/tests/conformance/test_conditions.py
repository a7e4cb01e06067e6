"""Branch nodes: the arm that is chosen, and no trace of the others."""

from __future__ import annotations

import pytest
from flyteidl.admin import node_execution_pb2
from flyteidl.core.execution_pb2 import WorkflowExecution
from flyteidl.service.admin_pb2_grpc import AdminServiceStub
from flytekit.remote import FlyteRemote

from .index import covers
from .running import run


@covers("node branch")
@pytest.mark.parametrize(("number", "expected"), [(3, 4), (50, 60), (200, 300)])
def test_the_first_case_that_holds_runs(
    remote: FlyteRemote, registered: str, number: int, expected: int
) -> None:
    assert run(remote, "conditions.sizes", registered, number=number).outputs["o0"] == expected


@covers("node branch", "rpc ListNodeExecutions", "trap 11")
def test_only_the_chosen_arm_has_a_node_execution(
    remote: FlyteRemote, registered: str, admin: AdminServiceStub
) -> None:
    execution = run(remote, "conditions.sizes", registered, number=50)
    listed = admin.ListNodeExecutions(
        node_execution_pb2.NodeExecutionListRequest(
            workflow_execution_id=execution.id.to_flyte_idl(), limit=10, unique_parent_id="n0"
        )
    )
    (arm,) = listed.node_executions
    assert arm.id.node_id == "n0-0-n0-n1"
    assert arm.metadata.spec_node_id == "n0-n1"
    assert arm.metadata.retry_group == "0"
    top = admin.ListNodeExecutions(
        node_execution_pb2.NodeExecutionListRequest(
            workflow_execution_id=execution.id.to_flyte_idl(), limit=10
        )
    )
    branch = next(node for node in top.node_executions if node.id.node_id == "n0")
    assert branch.metadata.is_parent_node


def test_a_branch_decides_by_an_output(remote: FlyteRemote, registered: str) -> None:
    assert run(remote, "conditions.after_a_task", registered, number=4).outputs["o0"] == 1005


@covers("node branch")
def test_a_failing_else_gives_its_message(remote: FlyteRemote, registered: str) -> None:
    execution = run(remote, "conditions.after_a_task", registered, number=1)
    assert execution.closure.phase == WorkflowExecution.FAILED
    assert execution.error.code == "UserProvidedError"
    assert "not five" in execution.error.message


@pytest.mark.parametrize(("number", "other", "expected"), [(1, 5, 6), (1, -5, 2), (-1, 5, 1)])
def test_branches_nest(remote: FlyteRemote, registered: str, number: int, other: int, expected: int) -> None:
    assert run(remote, "conditions.nested", registered, number=number, other=other).outputs["o0"] == expected
