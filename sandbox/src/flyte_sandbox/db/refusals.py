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
_GONE = {None, "57P01", "57P02", "57P03"}
"""Codes of SQLite, and of PostgreSQL: its documentation, appendix A. None: it could not even be asked."""


def refusal_of(exc: OperationalError) -> SandboxError | None:
    """:return: None for what does not pass by itself."""
    is_sqlite = isinstance(exc.orig, sqlite3.Error)
    code = getattr(exc.orig, "sqlite_errorcode" if is_sqlite else "sqlstate", None)
    if code in _FULL:
        return DiskFull()
    if code in _LOCKED:
        return Unavailable("the database is locked and nothing was changed; try again")
    if not is_sqlite and code in _GONE:
        return Unavailable("the database does not answer; try again when it does")
    return None
