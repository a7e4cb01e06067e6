"""Handlers of failures that are workflows: their nodes run although the execution is failing."""

from __future__ import annotations

import pytest
from flyteidl.admin import execution_pb2
from flyteidl.core import identifier_pb2, workflow_pb2

from flyte_sandbox.engine.messages import AttemptEnded, Terminate

from ..graphs import Stepper, identifier, promise, task_node, template
from .test_deadlines import KILLED, let_pass, limited

HANDLER = template(
    [task_node("a", ("", "text")), limited(task_node("b", ("a", "o0")), retries=1)],
    ("b", "o0"),
    name="handler",
)


def runs(node_id: str, workflow: str) -> workflow_pb2.Node:
    reference = workflow_pb2.WorkflowNode(sub_workflow_ref=identifier(identifier_pb2.WORKFLOW, workflow))
    return workflow_pb2.Node(id=node_id, inputs=[promise("text", "", "text")], workflow_node=reference)


def handling(max_parallelism: int = 0) -> Stepper:
    """One whose only task has failed."""
    spec = execution_pb2.ExecutionSpec(max_parallelism=max_parallelism)
    failing = template([task_node("n0", ("", "text"))], ("n0", "o0"), failure_node=runs("efn", "handler"))
    run = Stepper(failing, [HANDLER], spec=spec)
    run.begin()
    run.fail("n0")
    return run


@pytest.mark.parametrize("max_parallelism", [0, 1])
def test_it_runs_to_its_end_and_the_first_error_stays(max_parallelism: int) -> None:
    run = handling(max_parallelism)
    assert run.phase == "FAILING"
    assert run.succeed("efn-0-a")[2:3] == ["efn-0-b QUEUED"]
    assert run.succeed("efn-0-b")[-2:] == ["efn SUCCEEDED", "workflow FAILED"]
    assert run.events[-1].error.message == "boom"


def test_its_nodes_have_their_retries_after_a_timeout() -> None:
    run = handling()
    run.succeed("efn-0-a")
    run.started("efn-0-b")
    let_pass(run, "efn-0-b")
    assert run.send(AttemptEnded("efn-0-b", 0, KILLED))[-1] == "efn-0-b/1 QUEUED"
    assert run.succeed("efn-0-b", attempt=1)[-1] == "workflow FAILED"


def test_its_own_failure_is_the_executions() -> None:
    run = handling()
    told = run.fail("efn-0-a", code="USER:Handler")
    assert told[-3:] == ["efn-0-a FAILED", "efn FAILED", "workflow FAILED"]
    assert run.events[-1].error.code == "USER:Handler"


def test_whoever_terminates_the_execution_ends_it_too() -> None:
    run = handling()
    run.send(Terminate())
    told = run.send(AttemptEnded("efn-0-a", 0, KILLED))
    assert told[-3:] == ["efn-0-a ABORTED", "efn ABORTED", "workflow ABORTED"]


def test_a_sub_workflow_may_have_one_of_its_own() -> None:
    inner = template(
        [task_node("n0", ("", "text"))], ("n0", "o0"), "inner", failure_node=runs("fn", "handler")
    )
    run = Stepper(template([runs("n0", "inner")], ("n0", "o0")), [inner, HANDLER])
    run.begin()
    run.fail("n0-0-n0")
    run.succeed("n0-0-fn-0-a")
    told = run.succeed("n0-0-fn-0-b")
    assert told[-4:] == ["n0-0-fn SUCCEEDED", "n0 FAILED", "workflow FAILING", "workflow FAILED"]
