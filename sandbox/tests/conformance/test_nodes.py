"""Kinds of nodes beyond plain tasks: references, handlers of failures, maps of launch plans, eager."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from flyteidl.admin import execution_pb2
from flyteidl.core import catalog_pb2
from flyteidl.core.execution_pb2 import NodeExecution, WorkflowExecution
from flytekit import Workflow, reference_launch_plan, reference_task
from flytekit.configuration import ImageConfig, SerializationSettings
from flytekit.remote import FlyteRemote, FlyteWorkflowExecution

from ..waiting import eventually
from .index import covers
from .running import launch, run


def references(kind: str, project: str, version: str) -> Any:
    """An entity of this project that a workflow names without having its code."""
    where = {"project": project, "domain": "development", "version": version}
    if kind == "task":

        @reference_task(name="examples.starting.add_one", **where)
        def referred(number: int) -> int: ...

    else:

        @reference_launch_plan(name="examples.starting.grown_plan", **where)
        def referred(number: int) -> int: ...

    return referred


@covers("node reference task", "node reference launch plan")
@pytest.mark.parametrize("kind", ["task", "launch plan"])
def test_a_reference_runs_what_it_names(
    remote: FlyteRemote, registered: str, project: str, kind: str
) -> None:
    name = f"refers.{uuid.uuid4().hex[:8]}"
    workflow = Workflow(name=name)
    number = workflow.add_workflow_input("number", int)
    node = workflow.add_entity(references(kind, project, registered), number=number)
    workflow.add_workflow_output("o0", node.outputs["o0"])
    settings = SerializationSettings(
        image_config=ImageConfig.auto(), project=project, domain="development", version="v1"
    )
    remote.register_workflow(workflow, settings, version="v1")
    execution = remote.execute(remote.fetch_launch_plan(name=name, version="v1"), inputs={"number": 4})
    ended = remote.wait(execution, timeout=timedelta(seconds=60), poll_interval=timedelta(seconds=0.1))
    assert ended.outputs["o0"] == 5


@covers("node failure")
def test_the_handler_of_failures_runs_and_the_first_error_stays(remote: FlyteRemote, registered: str) -> None:
    execution = run(remote, "starting.cleaned_up", registered, number=1)
    assert execution.closure.phase == WorkflowExecution.FAILED
    assert "no 1" in execution.error.message
    handler = remote.client.get_node_execution_data(execution.node_executions["fn0"].id).full_inputs.literals
    assert handler["number"].scalar.primitive.integer == 1
    assert "no 1" in handler["err"].scalar.union.value.scalar.error.message


@covers("node failure")
def test_without_a_failure_the_handler_does_not_run(remote: FlyteRemote, registered: str) -> None:
    execution = run(remote, "starting.cleaned_up", registered, number=0)
    assert execution.closure.phase == WorkflowExecution.SUCCEEDED
    assert "fn0" not in execution.node_executions


@covers("node array of launch plans")
def test_a_map_over_a_launch_plan_launches_one_for_each(remote: FlyteRemote, registered: str) -> None:
    execution = run(remote, "starting.all_grown", registered, numbers=[1, 2, 3])
    assert execution.outputs["o0"] == [2, 3, 4]
    assert execution.node_executions["n0"].metadata.is_array


@covers("node eager")
def test_an_eager_task_launches_executions_of_its_own(remote: FlyteRemote, registered: str) -> None:
    execution = run(remote, "starting.counted", registered, number=5)
    assert execution.outputs["o0"] == 7
    launched = [
        one
        for one in remote.recent_executions(limit=20)
        if one.spec.labels is not None and one.spec.labels.values.get("eager-exec") == execution.id.name
    ]
    assert len(launched) == 2
    assert all(one.closure.phase == WorkflowExecution.SUCCEEDED for one in launched)


def cache_status(execution: FlyteWorkflowExecution, node: str = "n0") -> int:
    return int(execution.node_executions[node].closure.task_node_metadata.cache_status)


def seed() -> int:
    return int(datetime.now(timezone.utc).timestamp() * 1_000_000)


@covers("cache not cacheable")
def test_a_task_that_is_not_cached_has_no_status(remote: FlyteRemote, registered: str) -> None:
    closure = run(remote, "hello.hello", registered).node_executions["n0"].closure
    metadata = closure.task_node_metadata
    assert metadata is None or metadata.cache_status == catalog_pb2.CACHE_DISABLED


@covers("cache miss, then populated", "cache hit")
def test_the_first_run_fills_the_cache_and_the_second_has_no_attempt(
    remote: FlyteRemote, registered: str
) -> None:
    number = seed()
    first = run(remote, "cached.drawn", registered, seed=number)
    second = run(remote, "cached.drawn", registered, seed=number)
    assert (cache_status(first), cache_status(second)) == (catalog_pb2.CACHE_POPULATED, catalog_pb2.CACHE_HIT)
    hit = second.node_executions["n0"]
    assert not hit.task_executions
    assert hit.closure.started_at.timestamp() == 0


@covers("cache overwritten")
def test_an_overwritten_entry_is_filled_anew(remote: FlyteRemote, registered: str) -> None:
    number = seed()
    run(remote, "cached.drawn", registered, seed=number)
    second = run(remote, "cached.drawn", registered, seed=number, overwrite_cache=True)
    assert cache_status(second) == catalog_pb2.CACHE_POPULATED
    assert len(second.node_executions["n0"].task_executions) == 1


@covers("cache serialized")
def test_of_equal_tasks_at_once_one_runs(remote: FlyteRemote, registered: str) -> None:
    seed = uuid.uuid4().hex
    both = [launch(remote, "starting.drawn_alone", registered, seed=seed) for _ in range(2)]
    ended = [remote.wait(one, timeout=60, poll_interval=0.1) for one in both]
    assert ended[0].outputs["o0"] == ended[1].outputs["o0"]


@covers("node launch plan", "trap 13")
def test_ending_an_execution_ends_the_executions_that_it_launched(
    remote: FlyteRemote, registered: str
) -> None:
    execution = launch(remote, "starting.all_dawdle", registered, seconds=[600, 601])
    children = _children(remote, execution)
    remote.client.terminate_execution(execution.id, "enough")
    ended = remote.wait(execution, poll_interval=0.1)
    assert ended.closure.phase == WorkflowExecution.ABORTED
    for child in children:
        assert remote.wait(child, poll_interval=0.1).closure.phase == WorkflowExecution.ABORTED
    nodes = remote.sync(ended, sync_nodes=True).node_executions
    assert nodes["n0"].closure.phase == NodeExecution.ABORTED
    assert nodes["n0"].closure.error.code == "NodeAborted"


def _children(remote: FlyteRemote, execution: FlyteWorkflowExecution) -> list[FlyteWorkflowExecution]:
    def find() -> list[FlyteWorkflowExecution]:
        found = [
            one
            for one in remote.recent_executions(limit=20)
            if one.spec.metadata.mode == execution_pb2.ExecutionMetadata.CHILD_WORKFLOW
            and one.spec.metadata.parent_node_execution.execution_id == execution.id
        ]
        return found if len(found) == 2 else []

    return eventually(find)
