"""The shared patience: when to look, how long to bear errors, how to be woken."""

from __future__ import annotations

import itertools
import signal
import threading
import time

import pytest

from flyte_provider._waiting import ErrorBudget, Wakeup, look_intervals, skip_looks
from flyte_provider.exceptions import FlyteAuthenticationError, FlyteExecutionLostError, FlyteServerError

UNAVAILABLE = FlyteServerError("Flyte is away", code="UNAVAILABLE")


def first(count: int, poll: float, longest: float, unit: float = 0.5) -> list[float]:
    intervals = look_intervals(poll, longest, random_unit=lambda: unit)
    return [round(interval, 6) for interval in itertools.islice(intervals, count)]


def test_the_first_looks_double_and_the_later_ones_grow_to_the_longest() -> None:
    assert first(11, 5, 30) == [0.2, 0.4, 0.8, 1.6, 3.2, 5, 7.5, 11.25, 16.875, 25.3125, 30]


def test_looks_at_the_longest_interval_stay_within_a_tenth_of_it() -> None:
    assert first(12, 5, 30, unit=0)[-1] == 27
    assert first(12, 5, 30, unit=1)[-1] == 33


def test_a_short_poll_interval_has_no_quick_looks() -> None:
    assert first(3, 0.1, 0.1) == [0.1, 0.1, 0.1]


def test_an_interval_of_nothing_is_still_an_interval() -> None:
    assert first(3, 0, 0) == [0.01, 0.01, 0.01]


def test_a_longest_interval_below_the_first_one_means_no_growth() -> None:
    assert first(8, 5, 1) == [0.2, 0.4, 0.8, 1.6, 3.2, 5, 5, 5]


def test_looks_that_are_over_are_skipped() -> None:
    assert next(skip_looks(look_intervals(5, 30, lambda: 0.5), 0)) == 0.2
    assert next(skip_looks(look_intervals(5, 30, lambda: 0.5), 1.3)) == 1.6
    assert next(skip_looks(look_intervals(5, 30, lambda: 0.5), 5)) == 5


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def budget(seconds: float = 60) -> tuple[ErrorBudget, Clock, list[str]]:
    clock, lines = Clock(), []
    return ErrorBudget("e1", "http://c/e1", seconds, lines.append, clock), clock, lines


def test_errors_within_the_budget_are_borne_with_one_line_in_ten_seconds() -> None:
    patience, clock, lines = budget()
    for _ in range(59):
        patience.failed(UNAVAILABLE)
        clock.now += 1
    assert len(lines) == 6
    assert lines[0] == "Flyte is away; looking on for up to 60 s more"


def test_a_spent_budget_says_that_the_execution_still_runs() -> None:
    patience, clock, _ = budget()
    clock.now += 61
    with pytest.raises(FlyteExecutionLostError) as caught:
        patience.failed(UNAVAILABLE)
    assert str(caught.value) == (
        "Execution e1 lost: no answer from Flyte for 61 s, the last error was: Flyte is away. "
        "It was left running; the next try attaches to it; http://c/e1"
    )
    assert (caught.value.name, caught.value.url) == ("e1", "http://c/e1")


def test_an_answer_fills_the_budget_again() -> None:
    patience, clock, lines = budget()
    clock.now += 50
    patience.failed(UNAVAILABLE)
    patience.answered()
    clock.now += 50
    patience.failed(UNAVAILABLE)
    assert lines[1] == "Flyte answers again after 1 failed looks at execution e1"


def test_an_error_that_time_does_not_mend_is_raised_at_once() -> None:
    patience, _, _ = budget()
    refused = FlyteAuthenticationError("no", code="UNAUTHENTICATED")
    with pytest.raises(FlyteAuthenticationError):
        patience.failed(refused)


def test_a_pause_ends_when_called_from_another_thread() -> None:
    wakeup = Wakeup()
    threading.Timer(0.05, wakeup.call).start()
    began = time.monotonic()
    wakeup.pause(30)
    assert time.monotonic() - began < 10
    assert wakeup.is_called


def test_a_pause_ends_when_a_signal_handler_calls() -> None:
    wakeup = Wakeup()
    before = signal.signal(signal.SIGALRM, lambda *_: wakeup.call())
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        began = time.monotonic()
        wakeup.pause(30)
        assert time.monotonic() - began < 10
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_after_a_call_no_pause_is_taken() -> None:
    wakeup = Wakeup()
    wakeup.call()
    wakeup.pause(30)
    wakeup.pause(30)
