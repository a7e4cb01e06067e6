"""What a database says when it cannot work for the moment, in words that a client can act on."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import OperationalError

from flyte_sandbox.errors import DiskFull, SandboxError, Unavailable

_FULL = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR_SHMSIZE,  # the file that readers and writers share finds no room
    "53100",
}
_LOCKED = {sqlite3.SQLITE_BUSY, "55P03", "40P01", "40001"}
"""Codes of SQLite, and of PostgreSQL: its documentation, appendix A."""


def refusal_of(exc: OperationalError) -> SandboxError | None:
    """:return: None for what does not pass by itself."""
    code = getattr(exc.orig, "sqlite_errorcode", None) or getattr(exc.orig, "sqlstate", None)
    if code in _FULL:
        return DiskFull()
    if code in _LOCKED:
        return Unavailable("the database is locked and nothing was changed; try again")
    if exc.connection_invalidated:
        return Unavailable("the connection to the database was lost; try again")
    return None
