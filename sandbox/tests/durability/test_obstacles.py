"""Files that find no room, and killed processes: an execution tries again, and ends right."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from flyteidl.core.execution_pb2 import TaskExecution, WorkflowExecution

from flyte_sandbox.blobs.store import Store
from flyte_sandbox.engine import loop
from flyte_sandbox.engine.tasks.attempts import AttemptPlanner
from flyte_sandbox.testing import Sandbox, running_sandbox

from ..engine.runs import launch, register_counter, wait
from ..waiting import eventually
from .conftest import marked
from .server import Server


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    monkeypatch.setattr(loop, "_RETRY_SECONDS", 0.05)
    with running_sandbox(state=tmp_path / "state", warm=False) as sandbox:
        yield sandbox


class FullDisk:
    """Refuses the first so many calls of a method for want of space."""

    def __init__(self, owner: type, method: str, times: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = times
        real = getattr(owner, method)

        def refuse(*args: Any, **kwargs: Any) -> Any:
            if self.left > 0:
                self.left -= 1
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(*args, **kwargs)

        monkeypatch.setattr(owner, method, refuse)


def test_a_disk_that_is_full_for_a_moment_costs_a_moment(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    request = launch(sandbox, register_counter(sandbox, log))
    disk = FullDisk(Store, "write", 4, monkeypatch)
    wait(sandbox, request, WorkflowExecution.SUCCEEDED)
    assert disk.left == 0
    assert log.read_text() == "ran\n"


def test_an_attempt_that_finds_no_space_for_its_files_is_tried_again(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    plan = register_counter(sandbox, log)
    FullDisk(AttemptPlanner, "plan", 2, monkeypatch)
    request = launch(sandbox, plan)
    wait(sandbox, request, WorkflowExecution.SUCCEEDED)
    assert log.read_text() == "ran\n"


def test_a_disk_that_stays_full_fails_the_execution_and_not_the_server(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = register_counter(sandbox, tmp_path / "log")
    FullDisk(AttemptPlanner, "plan", 10_000, monkeypatch)
    request = launch(sandbox, plan)
    wait(sandbox, request, WorkflowExecution.FAILED)
    error = sandbox.admin.executions.get(request).closure.error
    assert error.code == "RetriesExhausted|Interrupted"
    assert "No space left on device" in error.message
    monkeypatch.undo()
    second = launch(sandbox, plan)
    wait(sandbox, second, WorkflowExecution.SUCCEEDED)


def attempts_of(server: Server, execution: Any) -> list[int]:
    nodes = server.remote().sync(execution, sync_nodes=True).node_executions
    attempts = sorted(nodes["n0"].task_executions, key=lambda one: one.id.retry_attempt)
    return [one.closure.phase for one in attempts]


def test_a_killed_task_is_begun_again_at_the_systems_expense(standing_server: Server, tmp_path: Path) -> None:
    execution, gate, log = standing_server.launch_gated("limits.patient", tmp_path)
    os.kill(int(log.read_text().split()[0]), signal.SIGKILL)
    eventually(lambda: len(log.read_text().splitlines()) == 2)
    gate.touch()
    ended = standing_server.finish(execution)
    assert ended.closure.phase == WorkflowExecution.SUCCEEDED
    assert attempts_of(standing_server, ended) == [TaskExecution.FAILED, TaskExecution.SUCCEEDED]


def test_a_task_outlives_the_template_that_it_was_forked_from(
    standing_server: Server, tmp_path: Path
) -> None:
    execution, gate, log = standing_server.launch_gated("limits.patient", tmp_path)
    task = psutil.Process(int(log.read_text().split()[0]))
    assert standing_server.process is not None
    ours = {process.pid for process in marked(standing_server.mark)} - {standing_server.process.pid}
    # The outermost of them; between it and the task there may be the attempt's own.
    template = [process for process in task.parents() if process.pid in ours][-1]
    template.kill()
    template.wait(30)
    gate.touch()
    ended = standing_server.finish(execution)
    assert ended.closure.phase == WorkflowExecution.SUCCEEDED
    assert attempts_of(standing_server, ended) == [TaskExecution.SUCCEEDED]
    assert len(log.read_text().splitlines()) == 1
