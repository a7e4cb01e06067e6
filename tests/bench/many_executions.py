"""A database with very many executions, made through the sandbox's own tables."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from flyteidl.admin import execution_pb2
from flyteidl.core import execution_pb2 as core_execution_pb2
from flyteidl.core import identifier_pb2
from sqlalchemy import Connection, insert

from flyte_sandbox.db import executions as rows
from flyte_sandbox.db.database import Database
from flyte_sandbox.db.schema import executions

_BATCH = 5_000
_SELDOM = 1_000
_SECOND = 1_000_000  # the tables count microseconds
_Phase = core_execution_pb2.WorkflowExecution
# Ended ones only, because a server goes on with all others when it starts.
_PHASES = (*[_Phase.SUCCEEDED] * 9, _Phase.FAILED)


def insert_copies(
    state: Path,
    usual: identifier_pb2.WorkflowExecutionIdentifier,
    seldom: identifier_pb2.WorkflowExecutionIdentifier,
    count: int,
) -> None:
    """Copies of two executions, a second apart, one in ten of them failed; no server may run meanwhile.

    :param state: the server's folder.
    :param seldom: one copy in a thousand is of this one.
    """
    database = Database(f"sqlite:///{state / 'flyte.db'}")
    try:
        with database.read() as connection:
            copies = _copies(_read(connection, usual), _read(connection, seldom), count)
        while batch := list(itertools.islice(copies, _BATCH)):
            with database.write() as connection:
                connection.execute(insert(executions), batch)
    finally:
        database.close()


def _read(connection: Connection, id: identifier_pb2.WorkflowExecutionIdentifier) -> dict[str, Any]:
    row = rows.get(connection, id)
    assert row is not None
    return dict(row._mapping)


def _copies(usual: Mapping[str, Any], seldom: Mapping[str, Any], count: int) -> Iterator[dict[str, Any]]:
    closures = {phase: _closure(usual["closure"], phase) for phase in set(_PHASES)}
    times = [name for name in usual if name.endswith("_at")]
    for number in range(count):
        phase = _PHASES[number % len(_PHASES)]
        original = usual if number % _SELDOM else seldom
        earlier = {name: original[name] - (count - number) * _SECOND for name in times}
        row = {name: value for name, value in original.items() if name != "id"}
        yield {
            **row,
            **earlier,
            "execution_name": f"copy{number:07}",
            "phase": _Phase.Phase.Name(phase),
            "closure": closures[phase],
        }


def _closure(original: bytes, phase: int) -> bytes:
    closure = execution_pb2.ExecutionClosure.FromString(original)
    closure.phase = phase
    if phase == _Phase.FAILED:
        closure.error.code, closure.error.message = "USER:ValueError", "The table has no rows.\n" * 20
    return bytes(closure.SerializeToString())
