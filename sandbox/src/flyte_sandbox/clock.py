"""Where the time comes from, so that a test can own it."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """:return: an aware UTC time with microseconds, later than every one returned before."""


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
            self._last = max(datetime.now(timezone.utc), self._last + timedelta(microseconds=1))
            return self._last


class ManualClock:
    """A clock that moves only when told, one microsecond per look so that order is kept."""

    def __init__(self, start: datetime | None = None) -> None:
        self._lock = threading.Lock()
        self._now = start or datetime(2026, 1, 1, tzinfo=timezone.utc)

    def now(self) -> datetime:
        with self._lock:
            self._now += timedelta(microseconds=1)
            return self._now

    def skip(self, seconds: float) -> None:
        with self._lock:
            self._now += timedelta(seconds=seconds)
