"""When schedules fall due: cron expressions against another library, time zones, rates."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
from flyteidl.admin import schedule_pb2
from hypothesis import given
from hypothesis import strategies as st

from flyte_sandbox.scheduler.times import next_time

from ..compiler.conftest import unhurried

UTC = timezone.utc


def cron(expression: str, offset: str = "") -> schedule_pb2.Schedule:
    return schedule_pb2.Schedule(cron_schedule=schedule_pb2.CronSchedule(schedule=expression, offset=offset))


def rate(value: int, unit: int) -> schedule_pb2.Schedule:
    return schedule_pb2.Schedule(rate=schedule_pb2.FixedRate(value=value, unit=unit))


def times(schedule: schedule_pb2.Schedule, after: datetime, count: int) -> list[datetime]:
    found = []
    for _ in range(count):
        moment = next_time(schedule, after)
        assert moment is not None
        found.append(moment)
        after = moment
    return found


_FIELDS = (
    ("*", "*/7", "3", "5-20", "0,13,29", "10-50/15"),
    ("*", "*/5", "0", "23", "8-17"),
    ("*", "1", "28", "*/10"),
)


@given(
    st.sampled_from(_FIELDS[0]),
    st.sampled_from(_FIELDS[1]),
    st.sampled_from(_FIELDS[2]),
    st.sampled_from(("*", "2", "1-3", "12")),
    st.sampled_from(("*", "0", "1-5")),
    st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)),
)
@unhurried
def test_cron_expressions_fall_due_when_a_cron_library_says(
    minute: str, hour: str, day: str, month: str, weekday: str, after: datetime
) -> None:
    # croniter takes */10 for "any day" where day of month and day of week meet; robfig/cron does not.
    if "*/" in day and weekday != "*":
        weekday = "*"
    expression = " ".join((minute, hour, day, month, weekday))
    after = after.replace(tzinfo=UTC)
    expected = croniter(expression, after)
    assert times(cron(expression), after, 3) == [expected.get_next(datetime) for _ in range(3)]


def test_a_time_is_never_its_own_successor() -> None:
    noon = datetime(2026, 5, 1, 12, tzinfo=UTC)
    assert next_time(cron("0 12 * * *"), noon) == noon + timedelta(days=1)
    assert next_time(cron("0 12 * * *"), noon - timedelta(microseconds=1)) == noon


def test_without_a_zone_the_times_are_utc() -> None:
    assert next_time(cron("@daily"), datetime(2026, 5, 1, 22, 30, tzinfo=UTC)) == datetime(
        2026, 5, 2, tzinfo=UTC
    )


@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe"]
)
@pytest.mark.parametrize("prefix", ["TZ", "CRON_TZ"])
def test_a_zone_of_its_own_counts(prefix: str, zone: str) -> None:
    found = times(cron(f"{prefix}={zone} 30 9 * * *"), datetime(2026, 1, 1, tzinfo=UTC), 366)
    local = [moment.astimezone(ZoneInfo(zone)) for moment in found]
    assert {(moment.hour, moment.minute) for moment in local} == {(9, 30)}
    assert len({moment.date() for moment in local}) == 366


BERLIN = "CRON_TZ=Europe/Berlin "


def test_an_hour_that_is_skipped_in_spring_launches_nothing() -> None:
    found = times(cron(BERLIN + "30 2 * * *"), datetime(2026, 3, 28, tzinfo=UTC), 2)
    assert found == [datetime(2026, 3, 28, 1, 30, tzinfo=UTC), datetime(2026, 3, 30, 0, 30, tzinfo=UTC)]


def test_an_hour_that_is_repeated_in_autumn_launches_twice() -> None:
    found = times(cron(BERLIN + "30 2 * * *"), datetime(2026, 10, 24, 12, tzinfo=UTC), 3)
    assert found == [
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
        datetime(2026, 10, 26, 1, 30, tzinfo=UTC),
    ]


def test_a_day_whose_midnight_is_skipped_still_has_its_other_hours() -> None:
    # Beirut went from 2025-03-29 23:59 to 2025-03-30 01:00.
    found = times(cron("CRON_TZ=Asia/Beirut 0 9 30 3 *"), datetime(2025, 3, 1, tzinfo=UTC), 1)
    assert found == [datetime(2025, 3, 30, 6, tzinfo=UTC)]


def test_every_minute_over_a_change_of_the_clocks_is_every_minute() -> None:
    start = datetime(2026, 10, 24, 23, 0, tzinfo=UTC)
    assert times(cron(BERLIN + "* * * * *"), start, 200) == [
        start + timedelta(minutes=n) for n in range(1, 201)
    ]


@pytest.mark.parametrize("expression", ["0 0 31 2 *", "0 0 30 2 *"])
def test_a_day_that_does_not_exist_never_comes(expression: str) -> None:
    assert next_time(cron(expression), datetime(2026, 1, 1, tzinfo=UTC)) is None


def test_a_leap_day_comes() -> None:
    assert next_time(cron("0 0 29 2 *"), datetime(2025, 1, 1, tzinfo=UTC)) == datetime(
        2028, 2, 29, tzinfo=UTC
    )


def test_the_offset_plays_no_part() -> None:
    after = datetime(2026, 1, 1, tzinfo=UTC)
    assert next_time(cron("@hourly", "PT15M"), after) == next_time(cron("@hourly"), after)


@pytest.mark.parametrize(
    ("unit", "span"),
    [
        (schedule_pb2.MINUTE, timedelta(minutes=10)),
        (schedule_pb2.HOUR, timedelta(hours=10)),
        (schedule_pb2.DAY, timedelta(days=10)),
    ],
)
def test_a_rate_counts_from_the_time_before_in_whole_seconds(unit: int, span: timedelta) -> None:
    after = datetime(2026, 1, 1, 12, 0, 7, 123456, tzinfo=UTC)
    first, second = times(rate(10, unit), after, 2)
    assert first == after.replace(microsecond=0) + span
    assert second == first + span


def test_every_is_a_rate() -> None:
    after = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert times(cron("@every 90s"), after, 2) == [after + timedelta(seconds=90 * n) for n in (1, 2)]


@pytest.mark.parametrize("schedule", [rate(2**32 - 1, schedule_pb2.DAY), schedule_pb2.Schedule()])
def test_what_never_comes_is_none(schedule: schedule_pb2.Schedule) -> None:
    assert next_time(schedule, datetime(2026, 1, 1, tzinfo=UTC)) is None
