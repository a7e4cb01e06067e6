"""A lock between processes that tells a second one for whom it waits.

The kernel drops the lock when its holder ends, however that happens, so no stale lock has ever to be removed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from airflyte.errors import AirflyteError

_BUSY = (errno.EAGAIN, errno.EACCES)


@contextlib.contextmanager
def locked(path: Path, for_what: str, say: Callable[[str], object]) -> Iterator[None]:
    """Hold the lock at ``path`` for the length of the block; wait while another process has it.

    Not re-entrant: the same process asking twice would wait for itself.

    :param for_what: the holder's own words for what it does, shown to whoever waits ("airflyte up").
    :param say: gets one sentence if there is a wait.
    :raises AirflyteError: when the file system knows no locks.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not inheritable (Python's default): a supervisor that we start must not keep our lock.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _acquire(descriptor, path, blocking=False):
            say(f"Waiting for {holder(path)} to finish.")
            _acquire(descriptor, path, blocking=True)
        _write_holder(descriptor, for_what)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def holder(path: Path) -> str:
    """Who has the lock, in words: what it does, its pid and since when."""
    try:
        record = json.loads(path.read_text())
        return f"`{record['for_what']}` (pid {record['pid']}, since {record['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another airflyte command"


def _acquire(descriptor: int, path: Path, *, blocking: bool) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if blocking else fcntl.LOCK_NB))
    except OSError as error:
        if error.errno in _BUSY:
            return False
        raise AirflyteError(
            f"The file system of {path.parent} knows no file locks ({error.strerror}); "
            "clone the repository to a local disk and type make up there."
        ) from error
    return True


def _write_holder(descriptor: int, for_what: str) -> None:
    record = {"for_what": for_what, "pid": os.getpid(), "since": time.strftime("%H:%M:%S")}
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(record).encode(), 0)
