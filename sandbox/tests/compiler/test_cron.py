"""Cron expressions: which are taken, which refused, and when they come due."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from croniter import croniter
from hypothesis import given
from hypothesis import strategies as st

from flyte_sandbox.compiler.cron import CronSchedule, EverySchedule, parse_cron

from .conftest import unhurried

BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))


@st.composite
def _parts(draw: st.DrawFn, low: int, high: int) -> str:
    first = draw(st.integers(low, high - 1))
    last = draw(st.integers(first + 1, high))  # croniter takes "0-0" for the whole week
    step = draw(st.integers(1, high))
    return draw(st.sampled_from(["*", f"*/{step}", f"{first}", f"{first}-{last}", f"{first}-{last}/{step}"]))


expressions = st.tuples(
    *(st.lists(_parts(low, high), min_size=1, max_size=3).map(",".join) for low, high in BOUNDS)
).map(" ".join)


@given(expressions)
@unhurried
def test_fields_mean_what_a_cron_library_says(expression: str) -> None:
    schedule = parse_cron(expression)
    assert isinstance(schedule, CronSchedule)
    ours = (schedule.minutes, schedule.hours, schedule.days, schedule.months, schedule.weekdays)
    theirs = croniter(expression, datetime(2026, 1, 1)).expanded
    for field, values, (low, high) in zip(ours, theirs, BOUNDS, strict=True):
        expected = set(range(low, high + 1)) if "*" in values else set(values)
        assert field == expected


@pytest.mark.parametrize(
    ("expression", "fields"),
    [
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("0 9 ? * MON-fri", "0 9 * * 1-5"),
        ("0 0 1 JAN,jul *", "0 0 1 1,7 *"),
        ("5/20 * * * *", "5-59/20 * * * *"),
    ],
)
def test_other_ways_to_write_the_same(expression: str, fields: str) -> None:
    assert parse_cron(expression) == parse_cron(fields)


@pytest.mark.parametrize("prefix", ["TZ=Europe/Berlin", "CRON_TZ=Europe/Berlin"])
def test_a_time_zone_may_come_first(prefix: str) -> None:
    schedule = parse_cron(f"{prefix} 0 9 * * *")
    assert isinstance(schedule, CronSchedule)
    assert schedule.zone == "Europe/Berlin"


@pytest.mark.parametrize(
    ("text", "seconds"), [("1h30m", 5400), ("90s", 90), ("1.5h", 5400), ("10ms", 1), ("1m0.9s", 60)]
)
def test_every_takes_a_duration_of_at_least_a_second(text: str, seconds: int) -> None:
    assert parse_cron(f"@every {text}") == EverySchedule(timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("expression", "any_day"),
    [
        ("0 0 1 * 1", False),
        ("0 0 * * 1", True),
        ("0 0 1 * *", True),
        ("0 0 */2 * 1", False),
        ("0 0 1,* * 1", True),
    ],
)
def test_two_kinds_of_days_are_alternatives_unless_one_is_any(expression: str, any_day: bool) -> None:
    schedule = parse_cron(expression)
    assert isinstance(schedule, CronSchedule)
    assert schedule.any_day is any_day


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("", "empty spec string"),
        ("* * * *", "expected exactly 5 fields, found 4"),
        ("* * * * * *", "expected exactly 5 fields, found 6"),
        ("60 * * * *", r"end of range \(60\) above maximum \(59\)"),
        ("* * 0 * *", r"beginning of range \(0\) below minimum \(1\)"),
        ("* * * * 7", r"end of range \(7\) above maximum \(6\)"),
        ("5-1 * * * *", r"beginning of range \(5\) beyond end of range \(1\)"),
        ("*/0 * * * *", "step of range should be a positive number"),
        ("*/x * * * *", "failed to parse int from x"),
        ("1-2-3 * * * *", "failed to parse int from 2-3"),
        ("٣ * * * *", "failed to parse int from"),
        ("* * L * *", "failed to parse int from L"),
        ("* * * * 1#2", "failed to parse int from 1#2"),
        ("-1 * * * *", "failed to parse int from"),
        (", * * * *", "failed to parse int from"),
        ("@often", "unrecognized descriptor: @often"),
        ("@every", "unrecognized descriptor: @every"),
        ("@every day", "failed to parse duration @every day"),
        ("@every 99999999999h", "failed to parse duration"),
        ("TZ=Mars/Base * * * * *", "provided bad location Mars/Base"),
        ("TZ=../../etc/passwd * * * * *", "provided bad location"),
        ("TZ=Europe * * * * *", "provided bad location Europe"),
        ("TZ=UTC", "expected exactly 5 fields"),
    ],
)
def test_what_a_real_scheduler_refuses(expression: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_cron(expression)
