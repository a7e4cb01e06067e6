"""A server that kills itself at the n-th of its points: ``python faulty.py serve …``, as ``flyte-sandbox``.

A point lies before and after each file that is written, each row, each commit, each act and each message.
They are counted from the moment at which the file named by ``FAULT_FILE`` appears; it holds n. What was
passed is written to ``<FAULT_FILE>.passed``, one name a line, so that a test sees where the end came.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flyte_sandbox.admin.events import recording
from flyte_sandbox.blobs.store import Store
from flyte_sandbox.cli import main
from flyte_sandbox.db.database import Database
from flyte_sandbox.engine.acting import Actor
from flyte_sandbox.engine.loop import Engine
from flyte_sandbox.engine.tasks.ordering import Orders
from flyte_sandbox.runner import ProcessRunner


class Faults:
    """Counts the points, whichever thread passes them."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._left: int | None = None

    def point(self, name: str) -> None:
        with self._lock:
            if self._left is None and self._file.exists():
                self._left = int(self._file.read_text())
                self._file.unlink()
            if self._left is None:
                return
            with self._file.with_suffix(".passed").open("a") as passed:
                passed.write(f"{name}\n")
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def around(owner: Any, method: str, point: Callable[[str], None]) -> None:
    """Points before and after each call of a method."""
    real = getattr(owner, method)
    name = f"{getattr(owner, '__name__', owner)}.{method}"

    @functools.wraps(real)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        point(f"before {name}")
        result = real(*args, **kwargs)
        point(f"after {name}")
        return result

    setattr(owner, method, wrapped)


def around_commits(point: Callable[[str], None]) -> None:
    real = Database.write

    @contextmanager
    def write(self: Database) -> Iterator[Any]:
        with real(self) as connection:
            yield connection
            point("before commit")
        point("after commit")

    Database.write = write  # type: ignore[method-assign]


def install(faults: Faults) -> None:
    around_commits(faults.point)
    for owner, method in (
        (Store, "write"),
        (recording, "record_workflow"),
        (recording, "record_node"),
        (recording, "record_task"),
        (Actor, "act"),
        (Engine, "post"),
        (Orders, "started"),
        (Orders, "ended"),
        (ProcessRunner, "start"),
    ):
        around(owner, method, faults.point)


if __name__ == "__main__":
    install(Faults(Path(os.environ["FAULT_FILE"])))
    sys.exit(main())
