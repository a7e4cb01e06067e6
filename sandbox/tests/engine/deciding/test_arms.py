"""Arms of branches that are bound to nodes which the branch itself does not wait for."""

from __future__ import annotations

from flyteidl.core import condition_pb2, literals_pb2, workflow_pb2

from flyte_sandbox.engine.messages import Terminate

from ..graphs import Stepper, literal, promise, task_node, template

AFTER_EXECUTABLE = workflow_pb2.WorkflowMetadata.FAIL_AFTER_EXECUTABLE_NODES_COMPLETE


def branch(id: str, then: workflow_pb2.Node, other: workflow_pb2.Node) -> workflow_pb2.Node:
    """``then`` runs when the workflow's input is ``in``, which it is."""
    comparison = condition_pb2.ComparisonExpression(
        operator=condition_pb2.ComparisonExpression.EQ,
        left_value=condition_pb2.Operand(var=".text"),
        right_value=condition_pb2.Operand(primitive=literal("in").scalar.primitive),
    )
    case = workflow_pb2.IfBlock(
        condition=condition_pb2.BooleanExpression(comparison=comparison), then_node=then
    )
    block = workflow_pb2.IfElseBlock(case=case, else_node=other)
    return workflow_pb2.Node(
        id=id,
        inputs=[promise(".text", "", "text")],
        branch_node=workflow_pb2.BranchNode(if_else=block),
    )


def waiting(on_failure: int = workflow_pb2.WorkflowMetadata.FAIL_IMMEDIATELY) -> Stepper:
    """``n1`` chooses at once; its arm needs what ``n0`` puts out."""
    first = task_node("n0", ("", "text"))
    chosen = branch("n1", task_node("n0", ("n0", "o0")), task_node("n1", ("", "text")))
    # A case may have the id of a node outside; inside the branch it gets another one.
    chosen.branch_node.if_else.case.then_node.id = "a"
    chosen.branch_node.if_else.else_node.id = "b"
    run = Stepper(template([first, chosen], ("n1", "o0"), on_failure=on_failure))
    run.begin()
    return run


def test_the_arm_waits_for_the_node_that_it_is_bound_to() -> None:
    run = waiting()
    assert run.log[-2:] == ["n1 QUEUED", "n1 RUNNING"]
    told = run.succeed("n0", text="late")
    assert told[:2] == ["n0/0 SUCCEEDED", "n0 SUCCEEDED"]
    assert "n1-0-n1-a QUEUED" in told
    assert run.succeed("n1-0-n1-a")[-1] == "workflow SUCCEEDED"


def test_terminating_ends_a_branch_whose_arm_waits() -> None:
    run = waiting()
    told = run.send(Terminate())
    assert "n1 ABORTED" in told


def test_a_failure_elsewhere_skips_the_arm_and_lets_the_rest_go_on() -> None:
    run = waiting(AFTER_EXECUTABLE)
    told = run.fail("n0")
    assert "n1-0-n1-a SKIPPED" in told
    assert "n1 SUCCEEDED" in told
    assert run.phase == "FAILED"
    assert run.run.root.nodes["n1"].outputs == literals_pb2.LiteralMap()


def test_an_arm_of_a_branch_in_an_arm_waits_too() -> None:
    first = task_node("n0", ("", "text"))
    inner = branch("x", task_node("y", ("n0", "o0")), task_node("z", ("", "text")))
    outer = branch("n1", inner, task_node("w", ("", "text")))
    run = Stepper(template([first, outer], ("n1", "o0")))
    run.begin()
    assert not any("y" in line for line in run.log)
    run.succeed("n0")
    (uid,) = {line.split()[0] for line in run.log if line.endswith("QUEUED") and "/" not in line} - {
        "n0",
        "n1",
        "n1-0-n1-x",
    }
    assert run.succeed(uid)[-1] == "workflow SUCCEEDED"
