"""Can the state folder be used: may we write there, and does its file system know locks and sockets?"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from airflyte.checks.finding import Check, Finding, failure, ok
from airflyte.errors import AirflyteError
from airflyte.settings import Settings
from airflyte.state import socket_problem

LOCAL_DISK = "clone the repository to a local disk"


def write_access(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    """The folder is ours, or can be made."""
    try:
        stack = settings.folder.read()
    except AirflyteError as error:
        return failure("state", error.message, "")
    place = _place(settings)
    if not os.access(place, os.W_OK | os.X_OK):
        return failure("state", f"{place} cannot be written to", f"chmod u+rwx '{place}', or clone elsewhere")
    known = f"stack {stack.stack_id}" if stack else "no stack yet"
    return ok("state", f"{settings.state}, {known}")


def locks(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    """PostgreSQL, SQLite and we ourselves rely on them."""
    try:
        with tempfile.TemporaryFile(dir=_place(settings)) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return failure("file locks", error.strerror or str(error), LOCAL_DISK)
    return ok("file locks", "work")


def sockets(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    """The supervisor is spoken to through one."""
    try:
        problem = socket_problem(_place(settings))
    except OSError as error:
        problem = error.strerror or str(error)
    return failure("sockets", problem, LOCAL_DISK) if problem else ok("sockets", "work")


def _place(settings: Settings) -> Path:
    return settings.state if settings.state.exists() else settings.checkout


CHECKS = (Check(write_access), Check(locks), Check(sockets))
