"""Eager workflows: a task that launches executions through the public client and waits for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flyteidl.admin import common_pb2
from flyteidl.core.execution_pb2 import WorkflowExecution

from ..waiting import eventually
from .server import Server


def list_executions(server: Server, filters: str) -> list[Any]:
    listing = common_pb2.ResourceListRequest(limit=100, filters=filters)
    listing.id.project, listing.id.domain = "flytesnacks", "development"
    return list(server.remote().client._stub.ListExecutions(listing).executions)


def launched_by(server: Server, execution: Any) -> list[Any]:
    """flytekit puts the beginning of the parent's name into the names of what it launches."""
    part = f"-{execution.id.name[:5]}-"
    return [
        one for one in list_executions(server, "") if one.id.name.startswith("e-") and part in one.id.name
    ]


def test_an_eager_workflow_runs_tasks_and_workflows(standing_server: Server, tmp_path: Path) -> None:
    log = tmp_path / "log"
    execution = standing_server.finish(standing_server.launch("eagerly.counted", number=1, log=log))
    assert execution.closure.phase == WorkflowExecution.SUCCEEDED, execution.closure.error
    assert execution.outputs["o0"] == 4
    assert log.read_text().splitlines() == ["add 1", "add 2", "add 3"]
    children = launched_by(standing_server, execution)
    assert [child.closure.phase for child in children] == [WorkflowExecution.SUCCEEDED] * 2
    # Executions of single tasks have no tags, those of launch plans do.
    tags = f"eq(execution_tag.key,eager-exec)+eq(execution_tag.value,{execution.id.name})"
    assert len(list_executions(standing_server, tags)) == 1


def test_a_killed_eager_task_adopts_what_it_launched(standing_server: Server, tmp_path: Path) -> None:
    log = tmp_path / "log"
    execution = standing_server.finish(standing_server.launch("eagerly.adopted", number=1, log=log))
    assert execution.closure.phase == WorkflowExecution.SUCCEEDED, execution.closure.error
    assert log.read_text().splitlines() == ["add 1", "attempt 0", "attempt 1"]
    assert len(launched_by(standing_server, execution)) == 1


def test_a_failing_child_fails_the_eager_workflow(standing_server: Server) -> None:
    execution = standing_server.finish(standing_server.launch("eagerly.fails", number=3))
    assert execution.closure.phase == WorkflowExecution.FAILED
    assert "examples.eagerly.refuses" in execution.error.message


def test_eager_parents_do_not_starve_their_children(standing_server: Server, tmp_path: Path) -> None:
    """More of them than this machine has slots."""
    log = str(tmp_path / "log")
    executions = [standing_server.launch("eagerly.counted", number=number, log=log) for number in range(5)]
    for number, execution in enumerate(executions):
        assert standing_server.finish(execution).outputs["o0"] == number + 3


def test_an_eager_workflow_can_be_terminated(standing_server: Server, tmp_path: Path) -> None:
    """What it launched goes on: flytekit 1.16.31's own handler for that fails, on every Flyte."""
    log, gate = tmp_path / "log", tmp_path / "gate"
    execution = standing_server.launch("eagerly.holds", gate=gate, log=log)
    eventually(lambda: log.exists())
    (child,) = launched_by(standing_server, execution)
    remote = standing_server.remote()
    remote.client.terminate_execution(execution.id, "enough")
    assert standing_server.finish(execution).closure.phase == WorkflowExecution.ABORTED
    gate.touch()
    child = remote.wait(remote.fetch_execution(name=child.id.name), poll_interval=0.1)
    assert child.closure.phase == WorkflowExecution.SUCCEEDED
