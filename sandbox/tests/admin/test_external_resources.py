"""What a map task's row says of its elements, event after event."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flyteidl.admin import task_execution_pb2
from flyteidl.core import execution_pb2, identifier_pb2
from flyteidl.event import event_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from flyte_sandbox.admin.events import recording
from flyte_sandbox.db import executions as rows
from flyte_sandbox.db.database import Database

TASK = execution_pb2.TaskExecution
ID = identifier_pb2.TaskExecutionIdentifier(
    task_id=identifier_pb2.Identifier(project="p", domain="d", name="maps", version="v1"),
    node_execution_id=identifier_pb2.NodeExecutionIdentifier(
        execution_id=identifier_pb2.WorkflowExecutionIdentifier(project="p", domain="d", name="x"),
        node_id="n0",
    ),
)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'flyte.db'}")
    database.migrate()
    yield database
    database.close()


def resource(index: int, attempt: int, phase: int, *logs: str) -> event_pb2.ExternalResourceInfo:
    return event_pb2.ExternalResourceInfo(
        index=index,
        retry_attempt=attempt,
        phase=phase,
        logs=[execution_pb2.TaskLog(name=name) for name in logs],
    )


def tell(database: Database, version: int, *resources: event_pb2.ExternalResourceInfo) -> None:
    event = event_pb2.TaskExecutionEvent(
        task_id=ID.task_id,
        parent_node_execution_id=ID.node_execution_id,
        phase=TASK.RUNNING,
        phase_version=version,
        occurred_at=Timestamp(seconds=version + 1),
        metadata=event_pb2.TaskExecutionMetadata(external_resources=resources, generated_name="x-n0-0"),
    )
    with database.write() as connection:
        recording.record_task(connection, event)


def known(database: Database) -> list[tuple[int, int, int, list[str]]]:
    with database.read() as connection:
        row = rows.get_task(connection, ID)
    assert row is not None
    closure = task_execution_pb2.TaskExecutionClosure.FromString(row.closure)
    assert closure.metadata.generated_name == "x-n0-0"
    return [
        (one.index, one.retry_attempt, one.phase, [log.name for log in one.logs])
        for one in closure.metadata.external_resources
    ]


def test_an_element_is_replaced_in_its_place(database: Database) -> None:
    tell(database, 0, *(resource(index, 0, TASK.QUEUED) for index in range(3)))
    tell(database, 1, resource(1, 0, TASK.SUCCEEDED))
    assert [phase for _, _, phase, _ in known(database)] == [TASK.QUEUED, TASK.SUCCEEDED, TASK.QUEUED]


def test_log_links_stay_when_a_later_event_names_none(database: Database) -> None:
    tell(database, 0, resource(0, 0, TASK.RUNNING, "Logs-0"))
    tell(database, 1, resource(0, 0, TASK.SUCCEEDED))
    assert known(database) == [(0, 0, TASK.SUCCEEDED, ["Logs-0"])]


def test_another_attempt_stands_behind_the_one_before(database: Database) -> None:
    tell(database, 0, resource(1, 0, TASK.FAILED), resource(0, 0, TASK.RUNNING))
    tell(database, 1, resource(0, 1, TASK.QUEUED), resource(1, 1, TASK.QUEUED))
    assert [(index, attempt) for index, attempt, _, _ in known(database)] == [(0, 0), (0, 1), (1, 0), (1, 1)]
