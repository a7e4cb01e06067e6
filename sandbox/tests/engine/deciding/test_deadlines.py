"""Nodes that take too long, decided without clock, process or database."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from flyteidl.admin import execution_pb2, launch_plan_pb2
from flyteidl.core import identifier_pb2, interface_pb2, literals_pb2, types_pb2, workflow_pb2
from google.protobuf.duration_pb2 import Duration

from flyte_sandbox.engine.deciding.deadlines import go_duration
from flyte_sandbox.engine.messages import (
    AttemptEnded,
    ChildEnded,
    ChildStarted,
    DeadlinePassed,
    Outcome,
    SetDeadline,
    Sleep,
    StartAttempt,
    StartChild,
    StopAttempt,
    Terminate,
    TerminateChild,
    Woken,
)
from flyte_sandbox.engine.model import ExecutionError
from flyte_sandbox.phases import WORKFLOW

from ..graphs import TEXT, Stepper, echo_task, identifier, literals, promise, task_node, template

KILLED = Outcome(error=ExecutionError(code="Interrupted", kind=ExecutionError.SYSTEM), is_recoverable=True)


def limited(node: workflow_pb2.Node, seconds: int = 10, retries: int = 0) -> workflow_pb2.Node:
    node.metadata.timeout.CopyFrom(Duration(seconds=seconds))
    node.metadata.retries.retries = retries
    return node


def one_task(retries: int = 0) -> Stepper:
    return Stepper(template([limited(task_node("n0", ("", "text")), retries=retries)], ("n0", "o0")))


def let_pass(run: Stepper, uid: str, attempt: int = 0, which: str = "execution") -> list[str]:
    """The alarm that was set last for this deadline rings."""
    alarms = [
        act
        for act in run.acts_of(SetDeadline)
        if (act.node_uid, act.attempt, act.which) == (uid, attempt, which)
    ]
    run.now = max(run.now, alarms[-1].at)
    return run.send(DeadlinePassed(uid, attempt, which))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (10, "10s"),
        (90, "1m30s"),
        (3600, "1h0m0s"),
        (1.5, "1.5s"),
        (0.2, "200ms"),
        (0, "0s"),
        (3723.25, "1h2m3.25s"),
    ],
)
def test_durations_read_as_in_go(seconds: float, text: str) -> None:
    assert go_duration(timedelta(seconds=seconds)) == text


def test_a_task_without_a_timeout_sets_no_alarm() -> None:
    run = Stepper(template([task_node("n0", ("", "text"))], ("n0", "o0")))
    run.begin()
    run.started("n0")
    assert not run.acts_of(SetDeadline)


def test_an_attempt_counts_from_the_start_of_its_process() -> None:
    run = one_task()
    run.begin()
    assert [act.which for act in run.acts_of(SetDeadline)] == ["active"]
    run.now += timedelta(minutes=5)
    run.started("n0")
    execution, active = run.acts_of(SetDeadline)[-2:]
    assert timedelta(seconds=9) < execution.at - run.now <= timedelta(seconds=10)
    assert timedelta(seconds=19) < active.at - run.now <= timedelta(seconds=21)


def test_waiting_for_a_slot_times_nothing_out() -> None:
    run = one_task()
    run.begin()
    assert let_pass(run, "n0", which="active") == []
    assert not run.acts_of(StopAttempt)


def test_beyond_its_deadline_the_attempt_is_stopped_and_retried() -> None:
    run = one_task(retries=1)
    run.begin()
    run.started("n0")
    assert let_pass(run, "n0") == []
    assert run.acts_of(StopAttempt)
    assert run.send(AttemptEnded("n0", 0, KILLED)) == ["n0/0 ABORTED", "n0/1 QUEUED"]
    aborted = next(event for event in run.events if getattr(event, "error", None) and event.error.code)
    assert aborted.error.message == "task execution timeout [10s] expired"
    assert run.succeed("n0", attempt=1)[-1] == "workflow SUCCEEDED"


def test_without_retries_left_the_node_fails_with_the_words_of_exhaustion() -> None:
    run = one_task()
    run.begin()
    run.started("n0")
    let_pass(run, "n0")
    run.send(AttemptEnded("n0", 0, KILLED))
    error = run.events[-1].error
    assert run.phase == "FAILED"
    assert error.code == "RetriesExhausted|TimeoutExpired"
    assert error.message == (
        "[1/1] currentAttempt done. Last Error: USER::task execution timeout [10s] expired"
    )


def test_beyond_twice_the_time_the_node_is_timed_out() -> None:
    run = one_task(retries=5)
    run.begin()
    run.started("n0")
    let_pass(run, "n0", which="active")
    told = run.send(AttemptEnded("n0", 0, KILLED))
    assert told == ["n0/0 ABORTED", "n0 TIMED_OUT", "workflow FAILING", "workflow FAILED"]
    assert (run.events[-1].error.code, run.events[-1].error.message) == ("Timeout", "Timeout in node")
    timed_out = run.events[-3].event
    assert not timed_out.HasField("error")


def test_a_failure_node_that_is_timed_out_gives_the_execution_its_error() -> None:
    handler = limited(task_node("efn", ("", "text")))
    run = Stepper(template([task_node("n0", ("", "text"))], ("n0", "o0"), failure_node=handler))
    run.begin()
    run.fail("n0")
    run.started("efn")
    let_pass(run, "efn", which="active")
    assert run.send(AttemptEnded("efn", 0, KILLED))[1:] == ["efn TIMED_OUT", "workflow FAILED"]
    error = run.events[-1].error
    assert (error.code, error.message) == ("TimedOut", "FailureNode Timed-out")


def test_an_alarm_of_an_attempt_that_is_over_changes_nothing() -> None:
    run = one_task(retries=1)
    run.begin()
    run.fail("n0", recoverable=True)
    assert run.send(DeadlinePassed("n0", 0, "execution")) == []
    assert not run.acts_of(StopAttempt)


def test_an_alarm_that_rings_too_early_changes_nothing() -> None:
    run = one_task()
    run.begin()
    run.started("n0")
    assert run.send(DeadlinePassed("n0", 0, "execution")) == []
    assert not run.acts_of(StopAttempt)


def test_terminating_wins_over_a_timeout() -> None:
    run = one_task(retries=3)
    run.begin()
    run.started("n0")
    let_pass(run, "n0")
    run.send(Terminate())
    assert run.send(AttemptEnded("n0", 0, KILLED)) == ["n0/0 ABORTED", "n0 ABORTED", "workflow ABORTED"]


def sleeping(retries: int = 0) -> Stepper:
    node = workflow_pb2.Node(
        id="n0",
        gate_node=workflow_pb2.GateNode(sleep=workflow_pb2.SleepCondition(duration=Duration(seconds=99))),
    )
    plain = task_node("n1", ("", "text"), after=["n0"])
    return Stepper(template([limited(node, retries=retries), plain], ("n1", "o0")))


def test_a_gate_has_deadlines_too_and_sleeps_anew() -> None:
    run = sleeping(retries=1)
    run.begin()
    assert let_pass(run, "n0") == []
    first, second = run.acts_of(Sleep)
    assert (first.attempt, second.attempt) == (0, 1)
    assert second.since > first.since
    assert run.send(Woken("n0", 0)) == []
    assert run.send(Woken("n0", 1))[0] == "n0 SUCCEEDED"


def test_a_gate_that_nobody_opens_times_out() -> None:
    run = sleeping()
    run.begin()
    assert let_pass(run, "n0", which="active") == ["n0 TIMED_OUT", "workflow FAILING", "workflow FAILED"]


def nested(retries: int) -> Stepper:
    inner = template([task_node("n0", ("", "text"))], ("n0", "o0"), name="inner")
    node = workflow_pb2.Node(
        id="n0",
        inputs=[promise("text", "", "text")],
        workflow_node=workflow_pb2.WorkflowNode(
            sub_workflow_ref=identifier(identifier_pb2.WORKFLOW, "inner")
        ),
    )
    return Stepper(template([limited(node, retries=retries)], ("n0", "o0")), sub_workflows=[inner])


def test_a_sub_workflow_is_stopped_inside_and_begun_again_with_other_nodes() -> None:
    run = nested(retries=1)
    run.begin()
    run.started("n0-0-n0")
    let_pass(run, "n0")
    told = run.send(AttemptEnded("n0-0-n0", 0, KILLED))
    assert told[:2] == ["n0-0-n0/0 ABORTED", "n0-0-n0 ABORTED"]
    assert told[2:4] == ["n0-1-start-node SUCCEEDED", "n0-1-n0 QUEUED"]
    assert run.succeed("n0-1-n0")[-1] == "workflow SUCCEEDED"


def test_a_timeout_inside_fails_the_sub_workflow() -> None:
    inner = template([limited(task_node("n0", ("", "text")))], ("n0", "o0"), name="inner")
    node = workflow_pb2.Node(
        id="n0",
        inputs=[promise("text", "", "text")],
        workflow_node=workflow_pb2.WorkflowNode(
            sub_workflow_ref=identifier(identifier_pb2.WORKFLOW, "inner")
        ),
    )
    run = Stepper(template([node], ("n0", "o0")), sub_workflows=[inner])
    run.begin()
    run.started("n0-0-n0")
    let_pass(run, "n0-0-n0", which="active")
    told = run.send(AttemptEnded("n0-0-n0", 0, KILLED))
    assert told[1:3] == ["n0-0-n0 TIMED_OUT", "n0 FAILED"]
    assert run.events[-1].error.message == "Timeout in node"


def test_what_was_held_inside_a_node_that_expired_never_begins() -> None:
    inner = template(
        [task_node("n0", ("", "text")), task_node("n1", ("", "text"))], ("n0", "o0"), name="inner"
    )
    node = workflow_pb2.Node(
        id="n0",
        inputs=[promise("text", "", "text")],
        workflow_node=workflow_pb2.WorkflowNode(sub_workflow_ref=inner.id),
    )
    spec = execution_pb2.ExecutionSpec(max_parallelism=1)
    run = Stepper(template([limited(node, retries=1)], ("n0", "o0")), sub_workflows=[inner], spec=spec)
    run.begin()
    run.started("n0-0-n0")
    let_pass(run, "n0")
    run.send(AttemptEnded("n0-0-n0", 0, KILLED))
    assert "n0-1-n0 QUEUED" in run.log
    assert "n0-0-n1 QUEUED" not in run.log
    run.succeed("n0-1-n0")
    assert run.succeed("n0-1-n1")[-1] == "workflow SUCCEEDED"
    assert "n0-0-n1 QUEUED" not in run.log


def test_a_launch_plan_node_launches_another_child() -> None:
    plan = launch_plan_pb2.LaunchPlan(id=identifier(identifier_pb2.LAUNCH_PLAN, "other"))
    plan.closure.expected_inputs.parameters["text"].var.type.CopyFrom(TEXT)
    plan.closure.expected_inputs.parameters["text"].required = True
    plan.closure.expected_outputs.CopyFrom(
        interface_pb2.VariableMap(variables={"o0": interface_pb2.Variable(type=TEXT)})
    )
    node = workflow_pb2.Node(
        id="n0",
        inputs=[promise("text", "", "text")],
        workflow_node=workflow_pb2.WorkflowNode(launchplan_ref=plan.id),
    )
    plans = {("flytesnacks", "development", "other", "v1"): plan}
    run = Stepper(template([limited(node, retries=1)], ("n0", "o0")), launch_plans=plans)
    run.begin()
    run.send(ChildStarted("n0"))
    let_pass(run, "n0")
    (ended,) = run.acts_of(TerminateChild)
    first, second = run.acts_of(StartChild)
    assert ended.name == first.name != second.name
    assert run.send(ChildEnded("n0", first.name, WORKFLOW.ABORTED)) == []
    end = ChildEnded("n0", second.name, WORKFLOW.SUCCEEDED, outputs=literals(o0="late"))
    assert run.send(end)[0] == "n0 SUCCEEDED"


def mapped(retries: int = 0) -> Stepper:
    task = echo_task()
    listed = types_pb2.LiteralType(collection_type=TEXT)
    task.template.interface.inputs.variables["text"].type.CopyFrom(listed)
    task.template.interface.outputs.variables["o0"].type.CopyFrom(listed)
    inner = limited(task_node("sub", ("", "text")), retries=retries)
    del inner.inputs[:]
    del inner.upstream_node_ids[:]
    node = workflow_pb2.Node(
        id="n0",
        inputs=[promise("text", "", "text")],
        array_node=workflow_pb2.ArrayNode(node=inner, min_success_ratio=0.5),
    )
    flow = template([node], ("n0", "o0"))
    flow.interface.inputs.variables["text"].type.CopyFrom(listed)
    flow.interface.outputs.variables["o0"].type.CopyFrom(listed)
    run = Stepper(flow, task=task)
    items = [literals(text=text).literals["text"] for text in ("a", "b")]
    run.run.inputs.literals["text"].CopyFrom(
        literals_pb2.Literal(collection=literals_pb2.LiteralCollection(literals=items))
    )
    return run


def test_elements_of_an_array_have_the_deadlines_of_their_own_node() -> None:
    run = mapped(retries=1)
    run.begin()
    run.started("n0-0-n0")
    run.succeed("n0-0-n1")
    let_pass(run, "n0-0-n0")
    run.send(AttemptEnded("n0-0-n0", 0, KILLED))
    assert [act.attempt.attempt for act in run.acts_of(StartAttempt)] == [0, 0, 1]
    run.started("n0-0-n0", attempt=1)
    let_pass(run, "n0-0-n0", attempt=1)
    run.send(AttemptEnded("n0-0-n0", 1, KILLED))
    assert run.phase == "SUCCEEDED"


def test_time_counts_in_utc() -> None:
    run = one_task()
    run.now = datetime(2026, 3, 1, tzinfo=timezone.utc)
    run.begin()
    run.started("n0")
    assert run.acts_of(SetDeadline)[-1].at.tzinfo is timezone.utc
