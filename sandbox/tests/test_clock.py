"""Clocks: time only goes forward, and whoever waits for a time is woken when a test lets it come."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest

from flyte_sandbox.clock import Clock, ManualClock, SkippingClock, SystemClock
from flyte_sandbox.engine.alarms import Alarms

HOUR = timedelta(hours=1)
PATIENCE_SECONDS = 30


@pytest.mark.parametrize("make", [SystemClock, SkippingClock, ManualClock])
def test_no_two_times_are_the_same(make: Callable[[], Clock]) -> None:
    clock = make()
    seen = [clock.now() for _ in range(1000)]
    assert seen == sorted(set(seen))


def test_skipped_time_stays_skipped() -> None:
    clock = SkippingClock()
    before = clock.now()
    assert clock.skip(HOUR) - before >= HOUR
    assert clock.now() - before >= HOUR
    assert clock.skip(HOUR) - before >= 2 * HOUR


def test_a_clock_may_begin_ahead() -> None:
    assert SkippingClock(skipped=HOUR).now() - datetime.now(timezone.utc) > HOUR - timedelta(minutes=1)


def test_time_does_not_go_back() -> None:
    clock = SkippingClock()
    with pytest.raises(ValueError, match="does not go back"):
        clock.skip(-HOUR)


@pytest.mark.parametrize("clock", [SkippingClock(), ManualClock()], ids=["skipping", "manual"])
def test_alarms_ring_in_order_when_the_time_is_skipped(clock: SkippingClock | ManualClock) -> None:
    rung: list[str] = []
    done = threading.Event()
    alarms = Alarms(clock)
    try:
        alarms.ring_in(7200, lambda: (rung.append("late"), done.set()))
        alarms.ring_in(3600, lambda: rung.append("early"))
        skip(clock, HOUR / 2)
        assert rung == []
        skip(clock, 2 * HOUR)
        assert done.wait(PATIENCE_SECONDS)
        assert rung == ["early", "late"]
    finally:
        alarms.close()


def test_a_skip_is_never_missed_by_one_who_is_about_to_wait() -> None:
    """Many rounds of looking, then waiting, while another thread skips at any moment in between."""
    clock = SkippingClock()
    for _ in range(300):
        until, changed = clock.now() + HOUR, threading.Condition()
        woken = threading.Thread(target=sleep_until, args=(clock, changed, until))
        woken.start()
        clock.skip(HOUR)
        woken.join(PATIENCE_SECONDS)
        assert not woken.is_alive()


def sleep_until(clock: Clock, changed: threading.Condition, until: datetime) -> None:
    with changed:
        while clock.now() < until:
            clock.wait(changed, until)


def skip(clock: SkippingClock | ManualClock, span: timedelta) -> None:
    clock.skip(span.total_seconds()) if isinstance(clock, ManualClock) else clock.skip(span)
