"""Eager workflows: a task that launches executions through the public client and waits for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flyteidl.admin import common_pb2
from flyteidl.core.execution_pb2 import WorkflowExecution

from .server import Server, eventually


def launch(server: Server, workflow: str, **inputs: Any) -> Any:
    server.register("eagerly")
    remote = server.remote()
    plan = remote.fetch_launch_plan(name=f"examples.eagerly.{workflow}", version="v1")
    return remote.execute(plan, inputs=inputs)


def finish(server: Server, execution: Any) -> Any:
    remote = server.remote()
    return remote.sync(remote.wait(execution, poll_interval=0.1), sync_nodes=True)


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
    execution = finish(standing_server, launch(standing_server, "counted", number=1, log=str(log)))
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
    execution = finish(standing_server, launch(standing_server, "adopted", number=1, log=str(log)))
    assert execution.closure.phase == WorkflowExecution.SUCCEEDED, execution.closure.error
    assert log.read_text().splitlines() == ["add 1", "attempt 0", "attempt 1"]
    assert len(launched_by(standing_server, execution)) == 1


def test_a_failing_child_fails_the_eager_workflow(standing_server: Server) -> None:
    execution = finish(standing_server, launch(standing_server, "fails", number=3))
    assert execution.closure.phase == WorkflowExecution.FAILED
    assert "examples.eagerly.refuses" in execution.error.message


def test_eager_parents_do_not_starve_their_children(standing_server: Server, tmp_path: Path) -> None:
    """More of them than this machine has slots."""
    log = str(tmp_path / "log")
    executions = [launch(standing_server, "counted", number=number, log=log) for number in range(5)]
    for number, execution in enumerate(executions):
        assert finish(standing_server, execution).outputs["o0"] == number + 3


def test_an_eager_workflow_can_be_terminated(standing_server: Server, tmp_path: Path) -> None:
    """What it launched goes on: flytekit 1.16.31's own handler for that fails, on every Flyte."""
    log, gate = tmp_path / "log", tmp_path / "gate"
    execution = launch(standing_server, "holds", gate=str(gate), log=str(log))
    eventually(lambda: log.exists())
    (child,) = launched_by(standing_server, execution)
    remote = standing_server.remote()
    remote.client.terminate_execution(execution.id, "enough")
    assert finish(standing_server, execution).closure.phase == WorkflowExecution.ABORTED
    gate.touch()
    child = remote.wait(remote.fetch_execution(name=child.id.name), poll_interval=0.1)
    assert child.closure.phase == WorkflowExecution.SUCCEEDED
