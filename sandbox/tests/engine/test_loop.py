"""Commits that fail, one after the other: an execution loses nothing by it and no task runs twice."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flyteidl.admin import execution_pb2
from flyteidl.core import identifier_pb2
from flyteidl.core.execution_pb2 import WorkflowExecution
from sqlalchemy.exc import OperationalError

from flyte_sandbox.db.database import Database
from flyte_sandbox.engine import loop
from flyte_sandbox.testing import Sandbox, running_sandbox

from ..waiting import eventually
from .runs import launch, register_counter, wait


class FailsOnce:
    """A database whose n-th transaction of the engine is rolled back at its end."""

    def __init__(self, db: Database, number: int) -> None:
        self._db = db
        self._number = number
        self._begun = 0
        self.has_failed = False
        self.second_is_over = threading.Event()

    def read(self) -> Any:
        return self._db.read()

    @contextmanager
    def write(self) -> Iterator[Any]:
        self._begun += 1
        try:
            with self._db.write() as connection:
                yield connection
                if self._begun == self._number:
                    self.has_failed = True
                    raise OperationalError("commit", {}, sqlite3.OperationalError("database is locked"))
        finally:
            if self._begun == 2:
                self.second_is_over.set()


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    monkeypatch.setattr(loop, "_RETRY_SECONDS", 0.05)
    with running_sandbox(state=tmp_path / "state", warm=False) as sandbox:
        yield sandbox


@pytest.mark.parametrize("number", range(1, 4))
def test_a_failed_commit_costs_nothing_but_a_moment(sandbox: Sandbox, tmp_path: Path, number: int) -> None:
    log = tmp_path / "log"
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    # A task that ended at once would tell its start and its end together, and there were no third commit.
    plan = register_counter(sandbox, log, then=f"cat {gate}")
    sandbox.engine._db = failing = FailsOnce(sandbox.db, number)
    request = launch(sandbox, plan)
    assert failing.second_is_over.wait(30)
    gate.write_text("")
    wait(sandbox, request, WorkflowExecution.SUCCEEDED)
    assert log.read_text() == "ran\n"
    assert failing.has_failed


def test_an_execution_that_cannot_be_decided_about_fails_alone(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = register_counter(sandbox, tmp_path / "log")
    decide = loop.decide
    sick = "sick"

    def refuse(step: Any, message: Any, links: Any) -> None:
        if step.run.id.name == sick:
            raise RuntimeError("cannot decide")
        decide(step, message, links)

    monkeypatch.setattr(loop, "decide", refuse)
    spec = execution_pb2.ExecutionSpec(launch_plan=plan)
    sandbox.admin.launching.create(
        execution_pb2.ExecutionCreateRequest(
            project="flytesnacks", domain="development", name=sick, spec=spec
        )
    )
    healthy = launch(sandbox, plan)
    wait(sandbox, healthy, WorkflowExecution.SUCCEEDED)
    id = identifier_pb2.WorkflowExecutionIdentifier(project="flytesnacks", domain="development", name=sick)
    request = execution_pb2.WorkflowExecutionGetRequest(id=id)
    wait(sandbox, request, WorkflowExecution.FAILED)
    error = sandbox.admin.executions.get(request).closure.error
    assert "max number of system retry attempts [10/10] exhausted" in error.message


def test_it_stops_also_when_the_word_comes_with_the_last_messages(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_busy, may_go_on = threading.Event(), threading.Event()
    seen: list[int] = []

    def tick(batch: list[Any]) -> None:
        seen.append(len(batch))
        is_busy.set()
        assert may_go_on.wait(30)

    monkeypatch.setattr(sandbox.engine, "tick", tick)
    id = identifier_pb2.WorkflowExecutionIdentifier(project="flytesnacks", domain="development", name="any")
    sandbox.engine.created(id)
    assert is_busy.wait(30)
    sandbox.engine.created(id)
    closing = threading.Thread(target=sandbox.engine.close, daemon=True)
    closing.start()
    eventually(lambda: sandbox.engine._inbox.qsize() == 2)
    may_go_on.set()
    closing.join(30)
    assert not closing.is_alive()
    assert seen == [1, 1]
