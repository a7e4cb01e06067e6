"""Deadlines outlive the server that set them, and what is beyond them does not live on."""

from __future__ import annotations

from pathlib import Path

from flyteidl.core.execution_pb2 import TaskExecution, WorkflowExecution

from ..waiting import eventually
from .conftest import marked
from .server import Server


def launch(server: Server, log: Path) -> object:
    execution = server.launch("limits.second_time_lucky", log=log)
    eventually(lambda: log.exists() and log.read_text().endswith("\n"))
    return execution


def check(server: Server, execution: object, log: Path) -> None:
    ended = server.finish(execution)
    assert ended.closure.phase == WorkflowExecution.SUCCEEDED
    assert ended.outputs["o0"] == 1
    attempts = ended.node_executions["n0"].task_executions
    phases = {one.id.retry_attempt: one.closure.phase for one in attempts}
    assert phases == {0: TaskExecution.ABORTED, 1: TaskExecution.SUCCEEDED}
    errors = {one.id.retry_attempt: one.closure.error for one in attempts}
    assert errors[0].message == "task execution timeout [2s] expired"
    first = int(log.read_text().split()[1])
    assert first not in {process.pid for process in marked(server.mark)}


def test_an_attempt_beyond_its_deadline_is_killed_and_the_next_one_begins(
    server: Server, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    check(server, launch(server, log), log)


def test_the_next_server_keeps_the_deadline_of_an_adopted_task(server: Server, tmp_path: Path) -> None:
    log = tmp_path / "log"
    execution = launch(server, log)
    server.kill()
    server.start()
    check(server, execution, log)
    assert [line.split()[0] for line in log.read_text().splitlines()] == ["0", "1"]
