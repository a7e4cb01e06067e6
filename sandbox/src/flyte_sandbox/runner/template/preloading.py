"""Imports into a template what earlier attempts had to import, one module at a time, while no attempt waits.

An import that leaves more than modules behind (a thread of Python's, a pool that a computation started, a
shared descriptor, a child) makes the template unfit to be forked: the module is refused for good and the
template ends.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
import time
import traceback
from collections import deque
from types import FrameType

from . import processes
from .memory import Memory
from .recording import native_threads
from .warmth import Warmth

_LONGEST_IMPORT_SECONDS = 60.0


class Preloading:
    """
    :ivar is_spoilt: an import went wrong in a way that only a new process cures.
    """

    def __init__(self, warmth: Warmth, memory: Memory, wait_seconds: float) -> None:
        self.is_spoilt = False
        self._warmth = warmth
        self._memory = memory
        self._waiting = deque(memory.modules)
        self._imported: list[str] = []
        self._not_before = time.monotonic() + wait_seconds

    @property
    def next_step(self) -> float | None:
        """When, on the monotonic clock, there is something to import; None: nothing is waiting."""
        return self._not_before if self._waiting and not self.is_spoilt else None

    @property
    def is_due(self) -> bool:
        return self.next_step is not None and time.monotonic() >= self._not_before

    def hurry(self) -> None:
        """An attempt has come, and more may follow: wait no longer."""
        self._not_before = 0.0

    def learn(self, names: list[str]) -> None:
        self._waiting.extend(self._memory.learn(names))

    def step(self) -> None:
        """Import the next module; stock is taken when none is left."""
        name = self._waiting.popleft()
        if not self._memory.is_refused(name) and name not in self._warmth.known:
            self._import(name)
        if not self._waiting and self._warmth.is_stale:
            self._warmth.settle()

    def refuse_all(self) -> bool:
        """Something that was imported here started a thread later; nobody knows what.

        :return: whether there was anything to refuse.
        """
        self._memory.refuse(self._imported)
        self.is_spoilt = bool(self._imported)
        return self.is_spoilt

    def _import(self, name: str) -> None:
        before = _Traces()
        self._warmth.is_stale = True
        try:
            with self._warmth.recording.active(), _time_limit():
                _wake(importlib.import_module(name))
        except BaseException:  # noqa: BLE001  # it may even call sys.exit(); the template must not care
            traceback.print_exc()
            self._memory.refuse([name])
        self._imported.append(name)
        left = before.left_behind(self._warmth.recording.library_threads)
        if left:
            self._refuse(name, left)

    def _refuse(self, name: str, reason: str) -> None:
        """The whole package, or one module when its package was there before (flytekit's own parts)."""
        top = name.partition(".")[0]
        self._memory.refuse([name if top in self._warmth.tops else top])
        self.is_spoilt = True
        print(f"will not preload {name}: {reason}", file=sys.stderr)  # noqa: T201


class _Traces:
    """What an import may leave behind, counted before it."""

    def __init__(self) -> None:
        self._threads = native_threads()
        self._descriptors = _shared_descriptors()
        self._children = _own_children()

    def left_behind(self, library_threads: set[str]) -> str | None:
        if threading.active_count() > 1:
            return "starts a thread"
        if native_threads() - self._threads - library_threads:
            return "computes in threads"
        if _shared_descriptors() - self._descriptors:
            return "keeps a pipe or socket"
        if _own_children() - self._children:
            return "starts a process"
        return None


def _own_children() -> set[int]:
    """Those of this session: the orphans of attempts come and go, and are in others."""
    return {pid for pid in processes.children() if _session_of(pid) == os.getsid(0)}


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def _shared_descriptors() -> set[str]:
    """Pipes, sockets, epolls: what parent and child would both use. Files and devices are harmless."""
    found = set()
    for number in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{number}")
        except OSError:
            continue  # the descriptor of the listing itself
        if not target.startswith("/"):
            found.add(f"{number} {target}")
    return found


def _wake(module: object) -> None:
    """A lazy module is loaded by the first look at it."""
    getattr(module, "__doc__", None)


class _time_limit:  # noqa: N801  # reads as the statement it stands for
    """Interrupts an import that hangs, as far as signals can."""

    def __enter__(self) -> None:
        self._before = signal.signal(signal.SIGALRM, self._expire)
        signal.setitimer(signal.ITIMER_REAL, _LONGEST_IMPORT_SECONDS)

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._before)

    @staticmethod
    def _expire(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"the import took more than {_LONGEST_IMPORT_SECONDS:.0f} s")
