"""Executions as FlyteRemote sees them: outputs, node executions, attempts, errors."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from flyteidl.core.execution_pb2 import NodeExecution, WorkflowExecution
from flytekit.remote import FlyteRemote

from ..waiting import eventually
from .index import covers
from .running import launch, phases, run

SUCCEEDED = WorkflowExecution.SUCCEEDED
FAILED = WorkflowExecution.FAILED


@covers("node task", "node start and end", "result success")
def test_hello_world_gives_its_greeting(remote: FlyteRemote, registered: str) -> None:
    execution = run(remote, "hello.hello", registered, name="you")
    assert execution.closure.phase == SUCCEEDED
    assert execution.outputs["o0"] == "HELLO YOU"
    assert phases(execution) == {
        "start-node": NodeExecution.SUCCEEDED,
        "n0": NodeExecution.SUCCEEDED,
        "n1": NodeExecution.SUCCEEDED,
        "end-node": NodeExecution.SUCCEEDED,
    }


def test_defaults_of_the_launch_plan_are_used(remote: FlyteRemote, registered: str) -> None:
    assert run(remote, "hello.hello", registered).outputs["o0"] == "HELLO WORLD"


def test_node_and_task_executions_carry_their_inputs_and_outputs(
    remote: FlyteRemote, registered: str
) -> None:
    node = run(remote, "hello.hello", registered, name="you").node_executions["n0"]
    assert node.inputs["name"] == "you"
    assert node.outputs["o0"] == "hello you"
    (attempt,) = node.task_executions
    assert attempt.outputs["o0"] == "hello you"
    assert attempt.closure.logs[0].uri.startswith("http")


@covers("result exception", "retry none for permanent failures")
def test_an_exception_fails_the_execution_with_its_text(remote: FlyteRemote, registered: str) -> None:
    execution = run(remote, "failing.fails", registered, text="because")
    assert execution.closure.phase == FAILED
    assert execution.error.code == "USER:RuntimeError"
    assert "boom: because" in execution.error.message
    assert 'examples/failing.py"' in execution.error.message


@covers("result recoverable exception", "retry user budget", "retry new task execution")
def test_a_recoverable_error_is_retried(remote: FlyteRemote, registered: str) -> None:
    execution = run(remote, "failing.recovers", registered)
    assert execution.outputs["o0"] == 2
    attempts = execution.node_executions["n0"].task_executions
    assert sorted(one.id.retry_attempt for one in attempts) == [0, 1, 2]


@covers("retry user budget", "retry exhausted text")
def test_retries_end(remote: FlyteRemote, registered: str) -> None:
    execution = run(remote, "failing.exhausts", registered)
    assert execution.error.code.startswith("RetriesExhausted|USER:Recoverable")
    assert "[2/2] currentAttempt done. Last Error: USER::" in execution.error.message


@covers("result exit code", "container ordinary exit", "retry system budget")
def test_a_process_that_leaves_counts_against_the_systems_retries(
    remote: FlyteRemote, registered: str
) -> None:
    execution = run(remote, "failing.leaves", registered, code=3)
    assert execution.error.code == "RetriesExhausted|Interrupted"
    assert "exit code (3)" in execution.error.message
    assert "about to leave" in execution.error.message
    assert len(execution.node_executions["n0"].task_executions) == 4


@covers("node sub-workflow", "trap 11")
def test_a_sub_workflow_shows_its_nodes(remote: FlyteRemote, registered: str) -> None:
    execution = run(remote, "nested.outer", registered, number=3)
    assert execution.outputs["o0"] == 24
    inner = execution.node_executions["n1"]
    assert {"n1-0-start-node", "n1-0-n0", "n1-0-n1", "n1-0-end-node"} == {
        node.id.node_id for node in inner.subworkflow_node_executions.values()
    }


@covers("node launch plan")
def test_a_launch_plan_node_runs_as_an_execution_of_its_own(remote: FlyteRemote, registered: str) -> None:
    execution = run(remote, "nested.with_plan", registered, number=3)
    assert execution.outputs["o0"] == 12
    (child,) = execution.node_executions["n0"].workflow_executions
    assert child.closure.phase == SUCCEEDED
    assert child.spec.metadata.mode == 4


def test_a_file_goes_from_task_to_task(remote: FlyteRemote, registered: str) -> None:
    execution = run(remote, "data.files", registered, text="hi")
    assert execution.outputs["o1"] == "hi"
    data = remote.client.get_execution_data(execution.id)
    assert data.full_outputs.literals["o0"].scalar.blob.uri.startswith("s3://my-s3-bucket/data/")


def test_a_folder_goes_from_task_to_task(remote: FlyteRemote, registered: str) -> None:
    assert run(remote, "data.folders", registered).outputs["o0"] == 2


def test_a_data_frame_goes_from_task_to_task(remote: FlyteRemote, registered: str) -> None:
    assert run(remote, "data.frames", registered, rows=5).outputs["o0"] == 10


def test_values_of_all_common_types_arrive(remote: FlyteRemote, registered: str) -> None:
    when = datetime(2026, 5, 4, tzinfo=timezone.utc)
    execution = run(remote, "data.values", registered, when=when)
    expected = "7 ['a', 'b'] 2026-05-04 0:05:00 0.5 True [1, 2] {'one': 1} None"
    assert execution.outputs["o0"] == expected
    assert execution.outputs["o1"] == 7


@covers("cache hit")
def test_a_cached_task_runs_once(remote: FlyteRemote, registered: str) -> None:
    seed = int(datetime.now(timezone.utc).timestamp() * 1000)
    first = run(remote, "cached.drawn", registered, seed=seed)
    again = run(remote, "cached.drawn", registered, seed=seed)
    assert again.outputs["o0"] == first.outputs["o0"]
    metadata = again.node_executions["n0"].closure.task_node_metadata
    assert metadata.cache_status == 2
    source = metadata.catalog_key.source_task_execution
    assert source.node_execution_id.execution_id.name == first.id.name


@covers("cache overwritten")
def test_overwriting_the_cache_runs_the_task_and_keeps_the_new_outputs(
    remote: FlyteRemote, registered: str
) -> None:
    seed = int(datetime.now(timezone.utc).timestamp() * 1000)
    first = run(remote, "cached.drawn", registered, seed=seed)
    second = run(remote, "cached.drawn", registered, seed=seed, overwrite_cache=True)
    third = run(remote, "cached.drawn", registered, seed=seed)
    assert first.outputs["o0"] != second.outputs["o0"] == third.outputs["o0"]


@covers("rpc TerminateExecution", "trap 13")
def test_terminating_ends_the_execution_and_its_process(remote: FlyteRemote, registered: str) -> None:
    execution = launch(remote, "starting.dawdles", registered, seconds=600)
    eventually(lambda: "n0" in remote.sync(execution, sync_nodes=True).node_executions)
    remote.client.terminate_execution(execution.id, "changed my mind")
    ended = remote.wait(execution, poll_interval=0.1)
    assert ended.closure.phase == WorkflowExecution.ABORTED
    assert ended.closure.abort_metadata.cause == "changed my mind"
    with pytest.raises(Exception, match="already terminated"):
        remote.client.terminate_execution(execution.id, "again")


@covers("rpc RelaunchExecution")
def test_relaunching_uses_the_same_inputs(remote: FlyteRemote, registered: str) -> None:
    first = run(remote, "hello.hello", registered, name="again")
    id = remote.client.relaunch_execution(first.id)
    second = remote.wait(remote.fetch_execution(name=id.name), poll_interval=0.1)
    assert second.outputs["o0"] == "HELLO AGAIN"
    assert second.spec.metadata.mode == 3


@covers("trap 9")
def test_a_single_task_runs_as_an_execution(remote: FlyteRemote, registered: str) -> None:
    task = remote.fetch_task(name="examples.hello.say", version=registered)
    execution = remote.wait(remote.execute(task, inputs={"name": "alone"}), poll_interval=0.1)
    assert execution.outputs["o0"] == "hello alone"
