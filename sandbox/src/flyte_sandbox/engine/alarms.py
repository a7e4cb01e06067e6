"""One thread that calls back when a time has come, however many wait."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from flyte_sandbox.clock import Clock


class Alarms:
    """:param clock: whose time counts. Callbacks come from the alarms' own thread and must not block."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="alarms", daemon=True)
        self._thread.start()

    def ring_at(self, moment: datetime, call: Callable[[], None]) -> None:
        with self._changed:
            heapq.heappush(self._waiting, (moment, next(self._order), call))
            self._changed.notify()

    def ring_in(self, seconds: float, call: Callable[[], None]) -> None:
        self.ring_at(self._clock.now() + timedelta(seconds=seconds), call)

    def close(self) -> None:
        """What has not rung never will."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while (call := self._next()) is not None:
            call()

    def _next(self) -> Callable[[], None] | None:
        """Waits until the first alarm is due."""
        with self._changed:
            while not self._is_closed:
                first = self._waiting[0][0] if self._waiting else None
                if first is not None and first <= self._clock.now():
                    return heapq.heappop(self._waiting)[2]
                self._clock.wait(self._changed, first)
        return None
