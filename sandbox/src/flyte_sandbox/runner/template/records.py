"""The files of an attempt's folder that decide who runs it and tell how it ended.

``claim`` is made by whoever may run (or bury) the attempt, once; ``exit.json`` tells its end. Both appear
whole or not at all, so a reader after kill -9 of anybody sees the truth. What a loss of power leaves empty
counts as not there.
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any

from . import processes

CLAIM = "claim"
EXIT = "exit.json"
LOG = "log"
WORK = "work"
CWD = "cwd"
SECRETS = "secrets"
OUTPUTS = "outputs"
TEMPORARY = "tmp"

TOMBSTONE: dict[str, Any] = {"pid": 0, "identity": "", "started_at": None}
"""The claim of an attempt that nobody shall run."""


def claim(folder: str, record: dict[str, Any]) -> bool:
    """Take the attempt: a hard link, which appears with its content and fails when there is one already.

    :param record: who takes it: ``pid`` and ``identity``, those of the template, and ``started_at``.
    :return: False when somebody else has it.
    """
    draft = os.path.join(folder, f".claim-{os.getpid()}-{os.urandom(4).hex()}")
    _write(draft, record)
    try:
        os.link(draft, os.path.join(folder, CLAIM))
    except FileExistsError:
        return False
    finally:
        os.unlink(draft)
    return True


def claim_of(
    pid: int, template_pid: int, template_identity: str | None, started_at: float, uid: int | None
) -> dict[str, Any]:
    """:param pid: who takes the attempt; ``uid`` is whom it runs as."""
    return {
        "pid": pid,
        "identity": processes.identity(pid),
        "template": template_pid,
        "template_identity": template_identity,
        "started_at": started_at,
        "uid": uid,
    }


def read_claim(folder: str) -> dict[str, Any] | None:
    """:return: None when nobody has taken the attempt."""
    return _read(os.path.join(folder, CLAIM))


def write_exit(folder: str, record: dict[str, Any], is_synced: bool = True) -> None:
    """:param record: ``code`` or ``signal``, ``started_at`` and ``ended_at`` (seconds since 1970), rusage.

    :param is_synced: not to return before it survives a loss of power; else :func:`sync_exit` sees to that.
    """
    draft = os.path.join(folder, f".exit-{os.getpid()}")
    try:
        _write(draft, record, is_synced)
        os.replace(draft, os.path.join(folder, EXIT))
    except OSError:
        _unlink(draft)
        raise


def sync_exit(folder: str) -> None:
    with contextlib.suppress(FileNotFoundError):  # whoever was told of the end needs it no more
        descriptor = os.open(os.path.join(folder, EXIT), os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read_exit(folder: str) -> dict[str, Any] | None:
    """:return: None when the attempt has not ended, or nobody could tell."""
    return _read(os.path.join(folder, EXIT))


def end_record(status: int, started_at: float | None, ended_at: float, usage: Any) -> dict[str, Any]:
    """What ``os.wait4`` told, in the words of ``exit.json``."""
    signalled = os.WIFSIGNALED(status)
    return {
        "code": None if signalled else os.WEXITSTATUS(status),
        "signal": os.WTERMSIG(status) if signalled else None,
        "started_at": started_at,
        "ended_at": ended_at,
        "max_rss_bytes": usage.ru_maxrss * _RSS_UNIT,
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 6),
    }


_RSS_UNIT = 1 if os.uname().sysname == "Darwin" else 1024


def _write(path: str, record: dict[str, Any], is_synced: bool = False) -> None:
    with open(path, "w", encoding="utf-8") as file:
        json.dump(record, file)
        if is_synced:
            file.flush()
            os.fsync(file.fileno())


def _read(path: str) -> dict[str, Any] | None:
    try:
        with open(path, encoding="utf-8") as file:
            record = json.load(file)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # the last: power was lost in between
        return None
    return record if isinstance(record, dict) else None


def _unlink(path: str) -> None:
    with contextlib.suppress(OSError):  # the disk is in trouble, and the first error says so
        os.unlink(path)
