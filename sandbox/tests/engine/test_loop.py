"""Commits that fail, one after the other: an execution loses nothing by it and no task runs twice."""

from __future__ import annotations

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

from ..conformance.entities import identifier, interface, launch_plan_request, task_request, workflow_request
from ..durability.server import eventually


class FailsOnce:
    """A database whose n-th transaction of the engine is rolled back at its end."""

    def __init__(self, db: Database, number: int) -> None:
        self._db = db
        self._left = number
        self.has_failed = False

    def read(self) -> Any:
        return self._db.read()

    @contextmanager
    def write(self) -> Iterator[Any]:
        self._left -= 1
        with self._db.write() as connection:
            yield connection
            if self._left == 0:
                self.has_failed = True
                raise OperationalError("commit", {}, sqlite3.OperationalError("database is locked"))


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    monkeypatch.setattr(loop, "_RETRY_SECONDS", 0.05)
    with running_sandbox(state=tmp_path / "state", warm=False) as sandbox:
        yield sandbox


def register_counter(sandbox: Sandbox, log: Path) -> identifier_pb2.Identifier:
    """A workflow of one task that adds a line to ``log`` and succeeds."""
    request = task_request("flytesnacks", "counts")
    request.spec.template.interface.CopyFrom(interface({}, {}))
    container = request.spec.template.container
    del container.args[:]
    container.command.extend(["sh", "-c", f"echo ran >> {log}"])
    sandbox.admin.tasks.create(request)
    workflow = workflow_request("flytesnacks", "counts", request.id)
    workflow.spec.template.interface.CopyFrom(interface({}, {}))
    del workflow.spec.template.outputs[:]
    del workflow.spec.template.nodes[0].inputs[:]
    sandbox.admin.workflows.create(workflow)
    plan = launch_plan_request("flytesnacks", "counts", workflow.id)
    sandbox.admin.launch_plans.create(plan)
    return identifier(identifier_pb2.LAUNCH_PLAN, "flytesnacks", "counts")


def launch(sandbox: Sandbox, plan: identifier_pb2.Identifier) -> execution_pb2.WorkflowExecutionGetRequest:
    spec = execution_pb2.ExecutionSpec(launch_plan=plan)
    request = execution_pb2.ExecutionCreateRequest(project="flytesnacks", domain="development", spec=spec)
    created = sandbox.admin.launching.create(request)
    return execution_pb2.WorkflowExecutionGetRequest(id=created.id)


@pytest.mark.parametrize("number", range(1, 4))
def test_a_failed_commit_costs_nothing_but_a_moment(sandbox: Sandbox, tmp_path: Path, number: int) -> None:
    log = tmp_path / "log"
    plan = register_counter(sandbox, log)
    sandbox.engine._db = failing = FailsOnce(sandbox.db, number)
    request = launch(sandbox, plan)
    eventually(lambda: sandbox.admin.executions.get(request).closure.phase == WorkflowExecution.SUCCEEDED)
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
    get = sandbox.admin.executions.get
    eventually(lambda: get(healthy).closure.phase == WorkflowExecution.SUCCEEDED)
    id = identifier_pb2.WorkflowExecutionIdentifier(project="flytesnacks", domain="development", name=sick)
    request = execution_pb2.WorkflowExecutionGetRequest(id=id)
    eventually(lambda: get(request).closure.phase == WorkflowExecution.FAILED)
    assert "max number of system retry attempts [10/10] exhausted" in get(request).closure.error.message


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
