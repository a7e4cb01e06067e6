"""Rows of signals: what gate nodes wait for."""

from __future__ import annotations

from typing import Any

from flyteidl.core import identifier_pb2
from sqlalchemy import Connection, Row, select, update

from flyte_sandbox.db.executions import of_execution
from flyte_sandbox.db.schema import signals
from flyte_sandbox.db.upserts import upsert


def get(connection: Connection, id: identifier_pb2.SignalIdentifier) -> Row[Any] | None:
    query = select(signals).where(of_execution(signals, id.execution_id), signals.c.signal_id == id.signal_id)
    return connection.execute(query).one_or_none()


def insert_signal(
    connection: Connection, id: identifier_pb2.SignalIdentifier, type: bytes, created_at: int
) -> None:
    """A signal that exists stays as it is."""
    execution = id.execution_id
    key = {
        "execution_project": execution.project,
        "execution_domain": execution.domain,
        "execution_name": execution.name,
        "signal_id": id.signal_id,
    }
    new = {"type": type, "created_at": created_at, "updated_at": created_at}
    upsert(connection, signals, key, new, {})


def set_value(connection: Connection, row_id: int, value: bytes, updated_at: int) -> None:
    query = update(signals).where(signals.c.id == row_id).values(value=value, updated_at=updated_at)
    connection.execute(query)
