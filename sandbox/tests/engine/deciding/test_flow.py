"""The order of events of an execution, decided without clock, process or database."""

from __future__ import annotations

import pytest
from flyteidl.admin import execution_pb2, launch_plan_pb2
from flyteidl.core import catalog_pb2, identifier_pb2, interface_pb2, literals_pb2, workflow_pb2

from flyte_sandbox.engine.messages import (
    AttemptEnded,
    AttemptInterrupted,
    CacheLooked,
    ChildEnded,
    ChildStarted,
    Ended,
    LookUpCache,
    Outcome,
    StartAttempt,
    StartChild,
    StopAttempt,
    Terminate,
    TerminateChild,
)
from flyte_sandbox.engine.model import ExecutionError
from flyte_sandbox.ids import child_execution_name
from flyte_sandbox.phases import WORKFLOW

from ..graphs import Stepper, echo_task, identifier, literals, promise, task_node, template, variables

AFTER_EXECUTABLE = workflow_pb2.WorkflowMetadata.FAIL_AFTER_EXECUTABLE_NODES_COMPLETE


def chain() -> Stepper:
    return Stepper(template([task_node("n0", ("", "text")), task_node("n1", ("n0", "o0"))], ("n1", "o0")))


def fork(on_failure: int = workflow_pb2.WorkflowMetadata.FAIL_IMMEDIATELY, **options: object) -> Stepper:
    """Two nodes side by side, a third behind the first."""
    nodes = [
        task_node("n0", ("", "text")),
        task_node("n1", ("", "text")),
        task_node("n2", ("n0", "o0")),
    ]
    return Stepper(template(nodes, ("n2", "o0"), on_failure=on_failure), **options)


def test_a_chain_runs_in_the_documented_order() -> None:
    run = chain()
    run.begin()
    run.succeed("n0")
    run.succeed("n1")
    assert run.log == [
        "workflow RUNNING",
        "start-node SUCCEEDED",
        "n0 QUEUED",
        "n0/0 QUEUED",
        "n0 RUNNING",
        "n0/0 RUNNING",
        "n0/0 SUCCEEDED",
        "n0 SUCCEEDED",
        "n1 QUEUED",
        "n1/0 QUEUED",
        "n1 RUNNING",
        "n1/0 RUNNING",
        "n1/0 SUCCEEDED",
        "n1 SUCCEEDED",
        "end-node QUEUED",
        "end-node SUCCEEDED",
        "workflow SUCCEEDING",
        "workflow SUCCEEDED",
    ]
    assert run.acts_of(Ended)


def test_outputs_flow_along_the_bindings() -> None:
    run = chain()
    run.begin()
    run.succeed("n0", text="from n0")
    starts = run.acts_of(StartAttempt)
    assert starts[1].attempt.inputs == literals(text="from n0")
    base = "s3://my-s3-bucket/metadata/propeller/flytesnacks-development-a2b3c4d5e6f7g8h9i0jk"
    assert run.files[f"{base}/n1/data/inputs.pb"] == literals(text="from n0").SerializeToString()
    run.succeed("n1", text="last")
    assert run.files[f"{base}/end-node/data/0/outputs.pb"] == literals(o0="last").SerializeToString()


def test_independent_nodes_begin_together() -> None:
    run = fork()
    told = run.begin()
    assert "n0 RUNNING" in told
    assert "n1 RUNNING" in told


def test_every_event_is_later_than_the_one_before() -> None:
    run = chain()
    run.begin()
    run.succeed("n0")
    stamps = [
        getattr(record, "event", record).occurred_at.ToNanoseconds()
        for record in run.events
        if hasattr(getattr(record, "event", record), "occurred_at")
    ]
    nodes_and_workflow = [stamp for stamp in stamps if stamp]
    assert len(set(nodes_and_workflow)) == len(nodes_and_workflow)


def test_a_permanent_failure_aborts_what_runs_beside_it() -> None:
    run = fork()
    run.begin()
    run.started("n1")
    told = run.fail("n0")
    assert told == ["n0/0 FAILED", "n0 FAILED", "workflow FAILING"]
    assert [act.key for act in run.acts_of(StopAttempt)] == [
        "flytesnacks.development.a2b3c4d5e6f7g8h9i0jk.n1.0"
    ]
    stopped = Outcome(error=ExecutionError(code="Interrupted"), is_recoverable=True)
    assert run.send(AttemptEnded("n1", 0, stopped)) == ["n1/0 ABORTED", "n1 ABORTED", "workflow FAILED"]
    assert not any(line.startswith(("n2", "end-node")) for line in run.log)


def test_a_recoverable_failure_is_retried_as_often_as_the_task_says() -> None:
    nodes = [task_node("n0", ("", "text"))]
    run = Stepper(template(nodes, ("n0", "o0")), task=echo_task(retries=1))
    run.begin()
    assert run.fail("n0", 0, recoverable=True) == ["n0/0 FAILED", "n0/1 QUEUED"]
    told = run.fail("n0", 1, recoverable=True)
    assert told == ["n0/1 FAILED", "n0 FAILED", "workflow FAILING", "workflow FAILED"]
    error = run.events[-1].error
    assert error.code == "RetriesExhausted|USER:Boom"
    assert error.message == "[2/2] currentAttempt done. Last Error: USER::boom"


def test_a_failure_of_the_system_has_a_budget_of_its_own() -> None:
    run = Stepper(template([task_node("n0", ("", "text"))], ("n0", "o0")))
    run.begin()
    for attempt in range(3):
        run.fail("n0", attempt, recoverable=True, kind=ExecutionError.SYSTEM, code="Interrupted")
        assert run.phase == "RUNNING"
    run.fail("n0", 3, recoverable=True, kind=ExecutionError.SYSTEM, code="Interrupted")
    assert run.events[-1].error.message == "[3/3] currentAttempt done. Last Error: SYSTEM::boom"
    assert run.phase == "FAILED"


def test_a_retry_knows_the_checkpoint_of_the_attempt_before() -> None:
    run = Stepper(template([task_node("n0", ("", "text"))], ("n0", "o0")), task=echo_task(retries=1))
    run.begin()
    run.fail("n0", 0, recoverable=True)
    first, second = (act.attempt for act in run.acts_of(StartAttempt))
    assert first.prev_checkpoint == ""
    assert second.prev_checkpoint == first.checkpoint
    assert first.raw_output_prefix == "s3://my-s3-bucket/data/mb/a2b3c4d5e6f7g8h9i0jk-n0-0"


def test_the_other_policy_lets_everything_that_can_run_end() -> None:
    run = fork(AFTER_EXECUTABLE)
    run.begin()
    assert run.fail("n0") == ["n0/0 FAILED", "n0 FAILED", "n2 SKIPPED"]
    told = run.succeed("n1")
    assert told == [
        "n1/0 SUCCEEDED",
        "n1 SUCCEEDED",
        "end-node SKIPPED",
        "workflow FAILING",
        "workflow FAILED",
    ]


def test_max_parallelism_holds_nodes_back_without_any_event() -> None:
    run = fork(spec=execution_pb2.ExecutionSpec(max_parallelism=1))
    told = run.begin()
    assert not any(line.startswith("n1") for line in told)
    told = run.succeed("n0")
    assert "n1 QUEUED" in told
    assert "n2 QUEUED" not in told
    assert "n2 QUEUED" in run.succeed("n1")


def test_terminating_stops_processes_and_then_ends_aborted() -> None:
    run = fork()
    run.begin()
    run.started("n0")
    assert run.send(Terminate()) == []
    assert len(run.acts_of(StopAttempt)) == 2
    stopped = Outcome(error=ExecutionError(code="Interrupted"))
    assert run.send(AttemptEnded("n0", 0, stopped)) == ["n0/0 ABORTED", "n0 ABORTED"]
    assert run.send(AttemptEnded("n1", 0, stopped)) == [
        "n1/0 ABORTED",
        "n1 ABORTED",
        "workflow ABORTED",
    ]


def test_terminating_again_changes_nothing() -> None:
    run = fork()
    run.begin()
    run.send(Terminate())
    run.send(Terminate())
    assert len(run.acts_of(StopAttempt)) == 2


def test_a_message_about_an_older_attempt_is_ignored() -> None:
    run = Stepper(template([task_node("n0", ("", "text"))], ("n0", "o0")), task=echo_task(retries=1))
    run.begin()
    run.fail("n0", 0, recoverable=True)
    assert run.send(AttemptEnded("n0", 0, Outcome(outputs=literals(o0="late")))) == []
    assert run.phase == "RUNNING"


def test_an_attempt_that_a_stop_of_the_server_ended_begins_again_under_its_number() -> None:
    run = Stepper(template([task_node("n0", ("", "text"))], ("n0", "o0")))
    run.begin()
    run.started("n0")
    assert run.send(AttemptInterrupted("n0", 0)) == ["n0/0 RUNNING"]
    keys = [act.attempt.key for act in run.acts_of(StartAttempt)]
    assert keys[1] == keys[0] + ".1"
    assert "workflow SUCCEEDED" in run.succeed("n0")


def test_a_cached_task_asks_the_catalog_before_it_is_queued() -> None:
    nodes = [task_node("n0", ("", "text"))]
    run = Stepper(template(nodes, ("n0", "o0")), task=echo_task(cached=True))
    assert run.begin() == ["workflow RUNNING", "start-node SUCCEEDED"]
    assert run.acts_of(LookUpCache)
    hit = CacheLooked("n0", literals(o0="old"), catalog_pb2.CatalogMetadata(), catalog_pb2.CACHE_HIT)
    told = run.send(hit)
    assert told[0] == "n0 SUCCEEDED"
    assert told[-1] == "workflow SUCCEEDED"
    assert not any("/0" in line for line in run.log)


def test_a_miss_runs_the_task() -> None:
    nodes = [task_node("n0", ("", "text"))]
    run = Stepper(template(nodes, ("n0", "o0")), task=echo_task(cached=True))
    run.begin()
    assert run.send(CacheLooked("n0")) == ["n0 QUEUED", "n0/0 QUEUED", "n0 RUNNING"]


def test_overwriting_the_cache_does_not_ask() -> None:
    spec = execution_pb2.ExecutionSpec(overwrite_cache=True)
    nodes = [task_node("n0", ("", "text"))]
    run = Stepper(template(nodes, ("n0", "o0")), task=echo_task(cached=True), spec=spec)
    assert "n0/0 QUEUED" in run.begin()


def sub_workflow() -> Stepper:
    inner = template([task_node("n0", ("", "text"))], ("n0", "o0"), name="inner")
    node = workflow_pb2.Node(
        id="n0",
        inputs=[promise("text", "", "text")],
        workflow_node=workflow_pb2.WorkflowNode(sub_workflow_ref=inner.id),
    )
    return Stepper(template([node, task_node("n1", ("", "text"))], ("n0", "o0")), [inner])


def test_a_sub_workflow_has_its_own_start_and_end() -> None:
    run = sub_workflow()
    assert run.begin()[2:9] == [
        "n0 QUEUED",
        "n0 RUNNING",
        "n0-0-start-node SUCCEEDED",
        "n0-0-n0 QUEUED",
        "n0-0-n0/0 QUEUED",
        "n0-0-n0 RUNNING",
        "n1 QUEUED",
    ]
    assert run.succeed("n0-0-n0") == [
        "n0-0-n0/0 SUCCEEDED",
        "n0-0-n0 SUCCEEDED",
        "n0-0-end-node QUEUED",
        "n0-0-end-node SUCCEEDED",
        "n0 SUCCEEDED",
    ]
    assert run.succeed("n1")[-1] == "workflow SUCCEEDED"


def test_a_failure_inside_a_sub_workflow_fails_the_node_with_the_same_error() -> None:
    run = sub_workflow()
    run.begin()
    told = run.fail("n0-0-n0")
    assert told == ["n0-0-n0/0 FAILED", "n0-0-n0 FAILED", "n0 FAILED", "workflow FAILING"]
    run.send(AttemptEnded("n1", 0, Outcome(error=ExecutionError())))
    assert run.events[-1].error.code == "USER:Boom"


def test_terminating_reaches_into_sub_workflows() -> None:
    run = sub_workflow()
    run.begin()
    run.send(Terminate())
    run.send(AttemptEnded("n1", 0, Outcome(error=ExecutionError())))
    told = run.send(AttemptEnded("n0-0-n0", 0, Outcome(error=ExecutionError())))
    assert told == ["n0-0-n0/0 ABORTED", "n0-0-n0 ABORTED", "n0 ABORTED", "workflow ABORTED"]


def launch_plan_node() -> Stepper:
    plan = launch_plan_pb2.LaunchPlan(id=identifier(identifier_pb2.LAUNCH_PLAN, "other"))
    parameter = interface_pb2.Parameter(required=True)
    parameter.var.CopyFrom(variables("text").variables["text"])
    plan.closure.expected_inputs.parameters["text"].CopyFrom(parameter)
    plan.closure.expected_outputs.CopyFrom(variables("o0"))
    node = workflow_pb2.Node(
        id="n0",
        inputs=[promise("text", "", "text")],
        workflow_node=workflow_pb2.WorkflowNode(launchplan_ref=plan.id),
    )
    plans = {("flytesnacks", "development", "other", "v1"): plan}
    return Stepper(template([node], ("n0", "o0")), launch_plans=plans)


def test_a_launch_plan_node_runs_only_once_its_execution_exists() -> None:
    run = launch_plan_node()
    assert run.begin()[-1] == "n0 QUEUED"
    (start,) = run.acts_of(StartChild)
    assert start.name == child_execution_name("a2b3c4d5e6f7g8h9i0jk", "n0", 0)
    assert run.send(ChildStarted("n0")) == ["n0 RUNNING"]
    event = run.events[-1].event
    assert event.workflow_node_metadata.execution_id.name == start.name
    end = ChildEnded("n0", start.name, WORKFLOW.SUCCEEDED, outputs=literals(o0="child"))
    assert run.send(end)[0] == "n0 SUCCEEDED"
    assert run.phase == "SUCCEEDED"


def test_a_child_that_was_launched_again_is_not_the_one_that_is_waited_for() -> None:
    """It keeps the parent that the first one has, and has a name of its own."""
    run = launch_plan_node()
    run.begin()
    run.send(ChildStarted("n0"))
    assert run.send(ChildEnded("n0", "arelaunched", WORKFLOW.SUCCEEDED, outputs=literals(o0="no"))) == []
    (start,) = run.acts_of(StartChild)
    run.send(ChildEnded("n0", start.name, WORKFLOW.SUCCEEDED, outputs=literals(o0="child")))
    assert run.run.root.nodes["n0"].outputs == literals(o0="child")


@pytest.mark.parametrize(
    ("phase", "error", "code"),
    [
        (WORKFLOW.FAILED, ExecutionError(code="USER:Child", message="no"), "USER:Child"),
        (WORKFLOW.ABORTED, None, "RemoteChildWorkflowExecutionFailed"),
    ],
)
def test_a_child_that_ends_badly_fails_its_node(phase: int, error: ExecutionError, code: str) -> None:
    run = launch_plan_node()
    run.begin()
    run.send(ChildStarted("n0"))
    (start,) = run.acts_of(StartChild)
    run.send(ChildEnded("n0", start.name, phase, error=error))
    assert run.phase == "FAILED"
    assert run.events[-1].error.code == code


def test_terminating_the_parent_terminates_the_child() -> None:
    run = launch_plan_node()
    run.begin()
    run.send(ChildStarted("n0"))
    assert run.send(Terminate()) == ["n0 ABORTED", "workflow ABORTED"]
    (act,) = run.acts_of(TerminateChild)
    assert "cascading abort as parent execution id [a2b3c4d5e6f7g8h9i0jk] aborted" in act.cause


def failure_handler() -> Stepper:
    handler = task_node("efn", ("", "text"))
    nodes = [task_node("n0", ("", "text"))]
    return Stepper(template(nodes, ("n0", "o0"), failure_node=handler))


def test_the_failure_node_runs_after_a_failure_and_keeps_the_first_error() -> None:
    run = failure_handler()
    assert not any(line.startswith("efn") for line in run.begin())
    assert "efn RUNNING" in run.fail("n0")
    told = run.succeed("efn")
    assert told[-1] == "workflow FAILED"
    assert run.events[-1].error.code == "USER:Boom"


def test_the_failure_node_does_not_run_when_a_user_terminates() -> None:
    run = failure_handler()
    run.begin()
    run.send(Terminate())
    run.send(AttemptEnded("n0", 0, Outcome(error=ExecutionError())))
    assert run.phase == "ABORTED"
    assert not any(line.startswith("efn") for line in run.log)


def test_a_missing_output_fails_the_node_that_needs_it() -> None:
    run = chain()
    run.begin()
    run.started("n0")
    run.send(AttemptEnded("n0", 0, Outcome(outputs=literals_pb2.LiteralMap())))
    assert run.events[-1].error.code == "BindingResolutionFailure"
    assert "n1 QUEUED" not in run.log


def test_a_long_chain_is_skipped_without_running_out_of_stack() -> None:
    nodes = [task_node("n0", ("", "text"))]
    nodes += [task_node(f"n{number}", (f"n{number - 1}", "o0")) for number in range(1, 1500)]
    run = Stepper(template(nodes, ("n1499", "o0"), on_failure=AFTER_EXECUTABLE))
    run.begin()
    told = run.fail("n0")
    assert told[-2:] == ["workflow FAILING", "workflow FAILED"]
    assert sum(line.endswith("SKIPPED") for line in told) == 1500
