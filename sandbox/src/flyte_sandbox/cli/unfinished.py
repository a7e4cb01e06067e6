"""How many executions a stopped server leaves for the next one."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

_TERMINAL = ("SUCCEEDED", "FAILED", "ABORTED", "TIMED_OUT")


def count_unfinished(state: Path) -> int:
    """Of the SQLite database in a state folder; 0 when there is none (yet), or another one is used."""
    path = state / "flyte.db"
    if not path.exists():
        return 0
    marks = ", ".join("?" for _ in _TERMINAL)
    query = f"SELECT count(*) FROM executions WHERE phase NOT IN ({marks})"  # noqa: S608 - only marks are put in
    try:
        with contextlib.closing(sqlite3.connect(path.as_uri() + "?mode=ro", uri=True)) as connection:
            return int(connection.execute(query, _TERMINAL).fetchone()[0])
    except sqlite3.Error:
        return 0
