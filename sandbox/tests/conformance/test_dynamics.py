"""Dynamic workflows: nodes that a task yields."""

from __future__ import annotations

from flyteidl.admin import node_execution_pb2
from flyteidl.core.execution_pb2 import NodeExecution, WorkflowExecution
from flyteidl.service.admin_pb2_grpc import AdminServiceStub
from flytekit.remote import FlyteRemote

from .index import covers
from .running import run


@covers("node dynamic", "result dynamic", "trap 11")
def test_a_dynamic_task_yields_nodes_that_run(remote: FlyteRemote, registered: str) -> None:
    execution = run(remote, "dynamics.sum_of_squares", registered, count=4)
    assert execution.outputs["o0"] == 14
    node = execution.node_executions["n0"]
    assert node.metadata.is_dynamic
    inner = {one.id.node_id: one.closure.phase for one in node.subworkflow_node_executions.values()}
    assert set(inner) == {"n0-0-start-node", *(f"n0-0-dn{index}" for index in range(5)), "n0-0-end-node"}
    assert set(inner.values()) == {NodeExecution.SUCCEEDED}


@covers("rpc GetDynamicNodeWorkflow")
def test_the_compiled_workflow_can_be_asked_for(
    remote: FlyteRemote, registered: str, admin: AdminServiceStub
) -> None:
    execution = run(remote, "dynamics.sum_of_squares", registered, count=2)
    node = execution.node_executions["n0"]
    request = node_execution_pb2.GetDynamicNodeWorkflowRequest(id=node.id.to_flyte_idl())
    workflow = admin.GetDynamicNodeWorkflow(request).compiled_workflow
    assert workflow.primary.template.id.name == "dynamic_n0"
    assert "dn0" in [one.id for one in workflow.primary.template.nodes]


def test_a_dynamic_task_may_yield_another(remote: FlyteRemote, registered: str) -> None:
    assert run(remote, "dynamics.dynamic_in_dynamic", registered, count=3).outputs["o0"] == 5


def test_a_failure_inside_fails_the_dynamic_node_with_its_error(remote: FlyteRemote, registered: str) -> None:
    execution = run(remote, "dynamics.fails_inside", registered, count=3)
    assert execution.closure.phase == WorkflowExecution.FAILED
    assert "no 2" in execution.error.message


@covers("result dynamic")
def test_a_dynamic_task_without_nodes_is_a_task(remote: FlyteRemote, registered: str) -> None:
    execution = run(remote, "dynamics.yields_nothing", registered, count=3)
    assert execution.outputs["o0"] == 3
    assert not execution.node_executions["n0"].metadata.is_dynamic
