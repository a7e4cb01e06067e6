"""What is taken over from an earlier execution, decided without clock, process or database."""

from __future__ import annotations

from flyteidl.admin import execution_pb2, node_execution_pb2
from flyteidl.core import catalog_pb2

from flyte_sandbox.engine.messages import LookUpRecovery, Recovered, RecoveryLooked, StartAttempt, Terminate
from flyte_sandbox.phases import NODE

from ..graphs import Stepper, literals, task_node, template


def recovering(**options: object) -> Stepper:
    metadata = execution_pb2.ExecutionMetadata(mode=execution_pb2.ExecutionMetadata.RECOVERED)
    nodes = [task_node("n0", ("", "text")), task_node("n1", ("n0", "o0"))]
    return Stepper(
        template(nodes, ("n1", "o0"), **options), spec=execution_pb2.ExecutionSpec(metadata=metadata)
    )


def found(phase: int, **fields: object) -> Recovered:
    closure = node_execution_pb2.NodeExecutionClosure(phase=phase)
    closure.task_node_metadata.checkpoint_uri = "s3://my-s3-bucket/data/aa/old/_flytecheckpoints"
    closure.task_node_metadata.cache_status = catalog_pb2.CACHE_POPULATED
    closure.task_node_metadata.catalog_key.dataset_id.name = "flyte_task-echo"
    metadata = node_execution_pb2.NodeExecutionMetaData()
    return Recovered(closure, metadata, inputs=literals(text="in"), **fields)


def test_a_node_that_had_succeeded_is_recovered_with_one_event() -> None:
    run = recovering()
    assert run.begin() == ["workflow RUNNING", "start-node SUCCEEDED"]
    assert [act.node_uid for act in run.acts_of(LookUpRecovery)] == ["n0"]
    told = run.send(RecoveryLooked("n0", found(NODE.SUCCEEDED, outputs=literals(o0="old"))))
    assert told == ["n0 RECOVERED"]
    event = run.events[-1].event
    assert event.task_node_metadata.cache_status == catalog_pb2.CACHE_POPULATED
    assert event.task_node_metadata.catalog_key.dataset_id.name == "flyte_task-echo"
    assert event.output_uri.endswith("/n0/data/0/outputs.pb")
    assert {uri.rpartition("/")[2] for uri in run.files if "/n0/" in uri} == {"inputs.pb", "outputs.pb"}


def test_what_comes_after_it_reads_the_old_outputs() -> None:
    run = recovering()
    run.begin()
    run.send(RecoveryLooked("n0", found(NODE.RECOVERED, outputs=literals(o0="old"))))
    assert run.send(RecoveryLooked("n1", None)) == ["n1 QUEUED", "n1/0 QUEUED", "n1 RUNNING"]
    (start,) = run.acts_of(StartAttempt)
    assert start.attempt.inputs == literals(text="old")
    assert start.attempt.prev_checkpoint == ""


def test_a_failed_task_begins_from_its_checkpoint() -> None:
    run = recovering()
    run.begin()
    run.send(RecoveryLooked("n0", found(NODE.FAILED)))
    (start,) = run.acts_of(StartAttempt)
    assert start.attempt.prev_checkpoint == "s3://my-s3-bucket/data/aa/old/_flytecheckpoints"


def test_terminating_while_it_is_looked_up_leaves_no_row() -> None:
    run = recovering()
    run.begin()
    assert run.send(Terminate()) == ["workflow ABORTED"]
    assert run.send(RecoveryLooked("n0", None)) == []


def test_the_answer_to_a_question_asked_twice_counts_once() -> None:
    run = recovering()
    run.begin()
    run.send(RecoveryLooked("n0", None))
    assert run.send(RecoveryLooked("n0", None)) == []


def test_a_failure_handler_runs_anew() -> None:
    handler = task_node("efn", ("", "text"))
    run = recovering(failure_node=handler)
    run.begin()
    run.send(RecoveryLooked("n0", None))
    assert run.fail("n0")[-1] == "efn RUNNING"
    assert [act.node_uid for act in run.acts_of(LookUpRecovery)] == ["n0"]
