"""A database that cannot be written to, because somebody has locked it or the disk is full: a call waits or
is refused whole, what runs is not run again, and everything goes on when it can be written to.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from flyteidl.admin import common_pb2
from flyteidl.core.execution_pb2 import WorkflowExecution
from flyteidl.service.admin_pb2_grpc import AdminServiceStub
from sqlalchemy import event

from flyte_sandbox.engine import loop
from flyte_sandbox.testing import Sandbox, running_sandbox

from ..conformance.entities import task_request
from ..engine.runs import PROJECT, launch, register_counter, wait
from ..small_disks import fill, small_disk
from ..waiting import eventually

TASK = task_request(PROJECT, "late")


@contextmanager
def serving(state: Path) -> Iterator[tuple[Sandbox, AdminServiceStub]]:
    with (
        running_sandbox(state=state, warm=False, first_look_seconds=0.0) as sandbox,
        grpc.insecure_channel(sandbox.endpoint) as channel,
    ):
        yield sandbox, AdminServiceStub(channel)


@contextmanager
def locked(sandbox: Sandbox) -> Iterator[None]:
    """Somebody looks at it with a tool that takes the lock."""
    tool = sqlite3.connect(sandbox.config.state / "flyte.db", isolation_level=None, timeout=30)
    tool.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        tool.execute("ROLLBACK")
        tool.close()


def lose_patience(sandbox: Sandbox) -> None:
    """Connections that wait for a lock as good as not at all."""
    event.listen(sandbox.db.engine, "connect", lambda made, _: made.execute("PRAGMA busy_timeout=10"))
    sandbox.db.engine.dispose()


def refuses_to_write(admin: AdminServiceStub, request: Any = TASK) -> None:
    with pytest.raises(grpc.RpcError) as error:
        admin.CreateTask(request)
    assert error.value.code() is grpc.StatusCode.INTERNAL
    assert "Traceback" not in error.value.details()


def has(admin: AdminServiceStub) -> bool:
    answer = admin.GetTask.future(common_pb2.ObjectGetRequest(id=TASK.id))
    assert answer.code() in (grpc.StatusCode.OK, grpc.StatusCode.NOT_FOUND)
    return answer.code() is grpc.StatusCode.OK


def test_a_call_waits_for_a_lock_and_reads_do_not(tmp_path: Path) -> None:
    with serving(tmp_path / "state") as (sandbox, admin):
        with locked(sandbox):
            waiting = admin.CreateTask.future(TASK)
            assert not has(admin)
            assert not waiting.done()
        waiting.result(timeout=30)
        assert has(admin)


def test_a_call_that_a_lock_outlasts_is_refused_whole(tmp_path: Path) -> None:
    with serving(tmp_path / "state") as (sandbox, admin):
        lose_patience(sandbox)
        with locked(sandbox):
            refuses_to_write(admin)
            assert not has(admin)
        admin.CreateTask(TASK)
        assert has(admin)


def test_an_execution_outlasts_a_full_disk_that_the_database_is_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "_RETRY_SECONDS", 0.05)
    pipe = tmp_path / "pipe"  # the task writes to it, and ends when somebody reads
    os.mkfifo(pipe)
    with small_disk(tmp_path / "disk", megabytes=24) as disk, serving(disk / "state") as (sandbox, admin):
        request = launch(sandbox, register_counter(sandbox, pipe))
        wait(sandbox, request, WorkflowExecution.RUNNING)
        eventually(lambda: any(sandbox.config.attempts.glob("*/log")), "the task to run")
        fill(disk / "big")
        refuses_to_write(admin)
        assert pipe.read_text() == "ran\n"
        assert not has(admin)
        (disk / "big").unlink()
        wait(sandbox, request, WorkflowExecution.SUCCEEDED)
        admin.CreateTask(TASK)
        assert len(list(sandbox.config.attempts.glob("*/log"))) == 1
