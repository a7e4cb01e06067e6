"""Where the time comes from, and how one waits for it, so that a test can own both.

Whoever asks for the time of day, and whoever sleeps until one, does it here; nothing else in the server calls
``datetime.now`` for a time that is stored. Waiting for a process or a socket is not the clock's business.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Protocol

LONGEST_WAIT_SECONDS = 60.0
"""Wall clocks are set and laptops sleep, and a thread's wait notices neither: nobody sleeps through more."""


class Clock(Protocol):
    def now(self) -> datetime:
        """:return: an aware UTC time with microseconds, later than every one returned before."""

    def wait(self, changed: threading.Condition, until: datetime | None = None) -> None:
        """Sleeps until notified, until the time has come, or less long: the caller looks again.

        :param changed: held by the caller, and given up meanwhile.
        :param until: None when only a notification can end the wait.
        """


class SystemClock:
    """Wall time that never repeats and never goes back within a process.

    "Latest version" is ``created_at DESC``: two rows made in the same microsecond must still have an order.
    Safe to call from any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = datetime.min.replace(tzinfo=timezone.utc)

    def now(self) -> datetime:
        with self._lock:
            self._last = max(self._wall(), self._last + timedelta(microseconds=1))
            return self._last

    def wait(self, changed: threading.Condition, until: datetime | None = None) -> None:
        if until is None:
            changed.wait()
            return
        seconds = (until - self.now()).total_seconds()
        if seconds > 0:
            changed.wait(min(seconds, LONGEST_WAIT_SECONDS))

    def _wall(self) -> datetime:
        return datetime.now(timezone.utc)


class _Sleepers:
    """The conditions that threads wait on just now, to be notified when the time jumps."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._conditions: list[threading.Condition] = []

    @contextmanager
    def add(self, changed: threading.Condition) -> Iterator[None]:
        with self._lock:
            self._conditions.append(changed)
        try:
            yield
        finally:
            with self._lock:
                self._conditions.remove(changed)

    def wake(self) -> None:
        """Called after the time has moved. A thread that looked before it did holds its condition until it
        waits, so the notification cannot come too early.
        """
        with self._lock:
            conditions = list(self._conditions)
        for changed in conditions:
            with changed:
                changed.notify_all()


class SkippingClock(SystemClock):
    """Wall time that a test can move on: it runs, and ``skip`` lets hours pass at once.

    :param skipped: how far it is ahead to begin with.
    """

    def __init__(self, skipped: timedelta = timedelta()) -> None:
        super().__init__()
        self.skipped = skipped
        self._sleepers = _Sleepers()

    def wait(self, changed: threading.Condition, until: datetime | None = None) -> None:
        with self._sleepers.add(changed):
            super().wait(changed, until)

    def skip(self, span: timedelta) -> datetime:
        """:return: the new time. What was due until then is done by its own threads, now.

        :raises ValueError: for a span below zero; time does not go back.
        """
        if span < timedelta():
            raise ValueError(f"time does not go back (skip by {span})")
        with self._lock:
            self.skipped += span
        self._sleepers.wake()
        return self.now()

    def _wall(self) -> datetime:
        return super()._wall() + self.skipped


class ManualClock:
    """A clock that moves only when told, one microsecond per look so that order is kept."""

    def __init__(self, start: datetime | None = None) -> None:
        self._lock = threading.Lock()
        self._now = start or datetime(2026, 1, 1, tzinfo=timezone.utc)
        self._sleepers = _Sleepers()

    def now(self) -> datetime:
        with self._lock:
            self._now += timedelta(microseconds=1)
            return self._now

    def wait(self, changed: threading.Condition, until: datetime | None = None) -> None:
        with self._sleepers.add(changed):
            if until is None or self.now() < until:
                changed.wait()

    def skip(self, seconds: float) -> None:
        with self._lock:
            self._now += timedelta(seconds=seconds)
        self._sleepers.wake()
