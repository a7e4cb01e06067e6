"""Attempts that may not begin yet: forked ahead of time, they load their code and then wait for the word.

In such a child the attempt's own command runs, in its own environment and folders, up to the moment when it
asks for its inputs. So nothing but the hour tells its imports from later ones, and without the word no task
has run: whatever it left is removed, and the attempt is forked as usual when its time comes. A command that
is no task of flytekit's waits before it begins.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import signal
import socket
import time

from . import processes, short_paths
from .job import Job

MOST = 2
_PATIENCE_SECONDS = 30.0


class Word:
    """The child's end: permission to begin, with the time that counts as the attempt's start."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.started_at: float | None = None

    def wait(self) -> None:
        """Returns when it has come. The process ends here when nobody can give it any more."""
        told = self._sock.recv(64)
        if not told:
            os._exit(0)
        self.started_at = float(told)
        self._sock.close()

    def has_come(self) -> bool:
        if self.started_at is None:
            self._sock.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                self.wait()
        return self.started_at is not None


@dataclasses.dataclass
class Prepared:
    """The template's side of it.

    :ivar until: when patience ends (``time.monotonic``).
    """

    job: Job
    pid: int
    sock: socket.socket
    until: float

    def fits(self, job: Job) -> bool:
        """Whether what was told ahead of time is what is told now; the limit is the template's to enforce."""
        return dataclasses.replace(self.job, memory_limit_bytes=job.memory_limit_bytes) == job

    def give_word(self, started_at: float) -> None:
        with contextlib.suppress(OSError):  # it has just died, and is reaped like any other attempt
            self.sock.send(repr(started_at).encode())
        self.sock.close()

    def discard(self) -> None:
        """End it, with whatever its imports have started, and remove what they have left."""
        self.sock.close()
        processes.kill(self.pid, self.job.mark)
        processes.send({self.pid}, signal.SIGKILL)  # not yet in its own session
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)
        self.clean_up()

    def clean_up(self) -> None:
        short_paths.remove_link(self.job.env["TMPDIR"])
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.job.log)
        # Here and not by a sweeper, which nobody would know from what attempts leave behind.
        shutil.rmtree(self.job.work, ignore_errors=True)
        if os.path.isdir(self.job.outputs):  # holds why its code could not be loaded, if it could not
            _empty(self.job.outputs)


def _empty(folder: str) -> None:
    for entry in list(os.scandir(folder)):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path, ignore_errors=True)
        else:
            os.unlink(entry.path)


class Preparations:
    """Those of one template, the latest few."""

    def __init__(self) -> None:
        self._by_key: dict[str, Prepared] = {}

    @property
    def pids(self) -> set[int]:
        return {each.pid for each in self._by_key.values()}

    @property
    def sockets(self) -> list[socket.socket]:
        """What no other child may hold: it would keep a template's end from being noticed."""
        return [each.sock for each in self._by_key.values()]

    @property
    def next_deadline(self) -> float | None:
        return min((each.until for each in self._by_key.values()), default=None)

    def add(self, job: Job, pid: int, sock: socket.socket) -> None:
        self._by_key[job.key] = Prepared(job, pid, sock, time.monotonic() + _PATIENCE_SECONDS)

    def take(self, key: str) -> Prepared | None:
        return self._by_key.pop(key, None)

    def make_room(self) -> None:
        while len(self._by_key) >= MOST:
            self._by_key.pop(next(iter(self._by_key))).discard()

    def bury(self, pid: int) -> None:
        """It has ended by itself: its code cannot be loaded, or not in this way."""
        for key, each in list(self._by_key.items()):
            if each.pid == pid:
                del self._by_key[key]
                each.sock.close()
                each.clean_up()

    def discard_late(self) -> None:
        for key in [key for key, each in self._by_key.items() if each.until <= time.monotonic()]:
            self._by_key.pop(key).discard()

    def discard_all(self) -> None:
        while self._by_key:
            self._by_key.popitem()[1].discard()
