"""How many attempts may run at once. The rest wait in order; parents that wait never hold a slot."""

from __future__ import annotations

import threading
from collections import OrderedDict

from flyte_sandbox.engine.messages import Attempt


class Slots:
    """Asked by the engine's thread, given back by the runner's."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._taken: set[str] = set()
        self._waiting: OrderedDict[str, Attempt] = OrderedDict()
        self._lock = threading.Lock()

    def ask(self, attempt: Attempt) -> bool:
        """:return: whether it may start now; else it waits in line."""
        with self._lock:
            if len(self._taken) < self._count:
                self._taken.add(attempt.key)
                return True
            self._waiting[attempt.key] = attempt
            return False

    def take(self, key: str) -> None:
        """For an attempt that runs already, found after a restart, whether or not a slot is free."""
        with self._lock:
            self._taken.add(key)

    def withdraw(self, key: str) -> bool:
        """:return: whether it was waiting, and now does not any more."""
        with self._lock:
            return self._waiting.pop(key, None) is not None

    def release(self, key: str) -> list[Attempt]:
        """:return: those that may start now."""
        started = []
        with self._lock:
            self._taken.discard(key)
            while self._waiting and len(self._taken) < self._count:
                key, attempt = self._waiting.popitem(last=False)
                self._taken.add(key)
                started.append(attempt)
        return started

    def taken(self) -> list[str]:
        """Keys of the attempts that have a process, or will in a moment."""
        with self._lock:
            return sorted(self._taken)
