"""A database with very many executions, made through the sandbox's own tables."""

from __future__ import annotations

import itertools
import time
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

from . import measured_files
from .flyte_client import run, text
from .workshop import Workshop

COUNT = 100_000
_BATCH = 5_000
_SELDOM = 1_000
_SECOND = 1_000_000  # the tables count microseconds
_Phase = core_execution_pb2.WorkflowExecution
# Ended ones only, because a server goes on with all others when it starts.
_PHASES = (*[_Phase.SUCCEEDED] * 9, _Phase.FAILED)


def fill(workshop: Workshop) -> Path:
    """Two real executions, then copies of their rows, :data:`COUNT` of them.

    :return: the folder of a server that does not run.
    """
    state = workshop.new_folder("state")
    with workshop.server(state) as server:
        measured_files.register_two_tasks(workshop, server)
        plans = (measured_files.TWO_TASKS, measured_files.SELDOM)
        usual, seldom = (run(server, plan, {"name": text("world")})[0] for plan in plans)
    started = time.perf_counter()
    _insert_copies(state, usual, seldom)
    workshop.say(f"{COUNT:,} executions inserted in {time.perf_counter() - started:.1f} s")
    return state


def _insert_copies(
    state: Path,
    usual: identifier_pb2.WorkflowExecutionIdentifier,
    seldom: identifier_pb2.WorkflowExecutionIdentifier,
) -> None:
    """Copies of two executions, a second apart, one in ten of them failed; no server may run meanwhile.

    :param state: the server's folder.
    :param seldom: one copy in a thousand is of this one.
    """
    database = Database(f"sqlite:///{state / 'flyte.db'}")
    try:
        with database.read() as connection:
            copies = _copies(_read(connection, usual), _read(connection, seldom))
        while batch := list(itertools.islice(copies, _BATCH)):
            with database.write() as connection:
                connection.execute(insert(executions), batch)
    finally:
        database.close()


def _read(connection: Connection, id: identifier_pb2.WorkflowExecutionIdentifier) -> dict[str, Any]:
    row = rows.get(connection, id)
    assert row is not None
    return dict(row._mapping)


def _copies(usual: Mapping[str, Any], seldom: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    closures = {phase: _closure(usual["closure"], phase) for phase in set(_PHASES)}
    times = [name for name in usual if name.endswith("_at")]
    for number in range(COUNT):
        phase = _PHASES[number % len(_PHASES)]
        original = usual if number % _SELDOM else seldom
        earlier = {name: original[name] - (COUNT - number) * _SECOND for name in times}
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
