"""The patience that operator, sensor and trigger share: when to look, how long to bear errors, how to wake
up.

Plain Python: it neither talks to Flyte nor to Airflow.
"""

from __future__ import annotations

import queue
import random
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from flyte_provider.exceptions import FlyteExecutionLostError, FlyteServerError

FIRST_LOOK_SECONDS = 0.2
GROWTH = 1.5
# Whoever asks for 0 gets many looks, but no busy loop.
SHORTEST_SECONDS = 0.01
JITTER = 0.1
_SECONDS_BETWEEN_LOG_LINES = 10.0


class TaskLog(Protocol):
    """What we need of a task's log: structlog's on Airflow 3, logging's on Airflow 2."""

    def info(self, event: str, /, *args: Any) -> Any: ...

    def warning(self, event: str, /, *args: Any) -> Any: ...

    def error(self, event: str, /, *args: Any) -> Any: ...


def look_intervals(
    poll_interval: float, max_poll_interval: float, random_unit: Callable[[], float] = random.random
) -> Iterator[float]:
    """Yield the seconds to wait before each look, without end.

    0.2, 0.4, 0.8, 1.6 … up to ``poll_interval``; from there growing by half, give or take a tenth, up to
    ``max_poll_interval``. The tenth keeps a thousand tasks that began together from looking together.

    :param random_unit: returns a number from 0 to 1
    """
    poll_interval = max(poll_interval, SHORTEST_SECONDS)
    seconds = FIRST_LOOK_SECONDS
    while seconds < poll_interval:
        yield seconds
        seconds *= 2
    seconds = poll_interval
    longest = max(poll_interval, max_poll_interval)
    while True:
        yield seconds * (1 - JITTER + 2 * JITTER * random_unit())
        seconds = min(seconds * GROWTH, longest)


def skip_looks(intervals: Iterator[float], seconds: float) -> Iterator[float]:
    """Return the rest of ``intervals`` after ``seconds`` of them: a deferred task has already
    looked for a while.
    """
    spent = 0.0
    for interval in intervals:
        if spent >= seconds:
            yield interval
        spent += interval


class ErrorBudget:
    """Bears transient errors for a while, counted from the last answer.

    :param name: the execution, for messages
    :param seconds: how long to go without an answer
    :param log: takes a warning; called at most every ten seconds
    """

    def __init__(
        self,
        name: str,
        url: str,
        seconds: float,
        log: Callable[[str], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._url = url
        self._seconds = seconds
        self._log = log
        self._clock = clock
        self._answered_at = clock()
        self._logged_at = -_SECONDS_BETWEEN_LOG_LINES
        self._failures = 0

    def answered(self) -> None:
        """Start counting anew."""
        if self._failures:
            self._log(f"Flyte answers again after {self._failures} failed looks at execution {self._name}")
        self._failures = 0
        self._answered_at = self._clock()

    def failed(self, error: FlyteServerError) -> None:
        """Bear an error.

        :raises FlyteServerError: the same, when asking again cannot help
        :raises FlyteExecutionLostError: when the budget is spent
        """
        if not error.is_transient:
            raise error
        self._failures += 1
        now = self._clock()
        silent = now - self._answered_at
        if silent >= self._seconds:
            raise FlyteExecutionLostError(
                f"Execution {self._name} lost: no answer from Flyte for {silent:.0f} s, the last error was: "
                f"{error}. It was left running; the next try attaches to it; {self._url}",
                name=self._name,
                phase="UNKNOWN",
                url=self._url,
            ) from error
        if now - self._logged_at >= _SECONDS_BETWEEN_LOG_LINES:
            self._logged_at = now
            self._log(f"{error}; looking on for up to {self._seconds - silent:.0f} s more")


def at_most_every(
    seconds: float, tell: Callable[[str], object], clock: Callable[[], float] = time.monotonic
) -> Callable[[str], None]:
    """Return a ``tell`` that keeps quiet for ``seconds`` after each time."""
    told_at = float("-inf")

    def tell_seldom(text: str) -> None:
        nonlocal told_at
        if clock() - told_at >= seconds:
            told_at = clock()
            tell(text)

    return tell_seldom


class Wakeup:
    """A pause that a signal handler can end.

    ``SimpleQueue.put`` may interrupt ``get`` in the same thread, which ``threading.Event.set`` may not: its
    lock is not reentrant, and a signal that arrives at the wrong moment would hang the task.
    """

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._is_called = False

    @property
    def is_called(self) -> bool:
        return self._is_called

    def call(self) -> None:
        """End the current pause and all later ones. Safe in a signal handler."""
        self._is_called = True
        self._calls.put(None)

    def pause(self, seconds: float) -> None:
        """Return after ``seconds``, or as soon as somebody calls."""
        if self._is_called or seconds <= 0:
            return
        try:
            self._calls.get(timeout=seconds)
        except queue.Empty:
            return
