"""When a schedule falls due. Pure: a schedule and a time in, the next time out.

Source: flyteadmin scheduler/core/gocron_scheduler.go (GetScheduledTime), github.com/robfig/cron/v3 spec.go,
constantdelay.go.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

from flyteidl.admin import schedule_pb2

from flyte_sandbox.compiler.cron import CronSchedule, EverySchedule, parse_cron

_UNITS = {
    schedule_pb2.MINUTE: timedelta(minutes=1),
    schedule_pb2.HOUR: timedelta(hours=1),
    schedule_pb2.DAY: timedelta(days=1),
}
_BLOCK = timedelta(minutes=15)
"""Time zones are apart from UTC by multiples of this, and change at multiples of it."""

_MINUTES_OF_BLOCK = 15
_HORIZON_YEARS = 5
"""Who does not fall due within these never does (31 February)."""

_parse = lru_cache(maxsize=256)(parse_cron)


def next_time(schedule: schedule_pb2.Schedule, after: datetime) -> datetime | None:
    """The first time later than ``after``, to the second.

    :param after: for a rate the time that it counts from: the last launch, or the activation.
    :return: None when it never falls due. The field ``offset`` of a cron schedule plays no part, as in
        Flyte's own scheduler.
    """
    match schedule.WhichOneof("ScheduleExpression"):
        case "rate":
            return _next_interval(_UNITS[schedule.rate.unit], schedule.rate.value, after)
        case "cron_schedule":
            parsed = _parse(schedule.cron_schedule.schedule)
            if isinstance(parsed, EverySchedule):
                return _next_interval(parsed.interval, 1, after)
            return _next_cron(parsed, after)
        case _:
            return None


def _next_interval(unit: timedelta, times: int, after: datetime) -> datetime | None:
    try:
        return (after + unit * times).replace(microsecond=0)
    except OverflowError:
        return None


def _next_cron(cron: CronSchedule, after: datetime) -> datetime | None:
    """Goes through the quarters of an hour in UTC, so that an hour which a time zone skips has no times and
    one that it repeats has them twice.
    """
    zone = ZoneInfo(cron.zone) if cron.zone else timezone.utc
    block = after.replace(
        minute=after.minute // _MINUTES_OF_BLOCK * _MINUTES_OF_BLOCK, second=0, microsecond=0
    )
    last_year = after.year + _HORIZON_YEARS
    while block.year <= last_year:
        local = block.astimezone(zone)
        if not _is_due_on(cron, local):
            block = max(_next_midnight(local), block + _BLOCK)
            continue
        if local.hour in cron.hours:
            for minutes in range(_MINUTES_OF_BLOCK):
                found = block + timedelta(minutes=minutes)
                if local.minute + minutes in cron.minutes and found > after:
                    return found
        block += _BLOCK
    return None


def _is_due_on(cron: CronSchedule, local: datetime) -> bool:
    if local.month not in cron.months:
        return False
    is_day, is_weekday = local.day in cron.days, local.isoweekday() % 7 in cron.weekdays
    return (is_day and is_weekday) if cron.any_day else (is_day or is_weekday)


def _next_midnight(local: datetime) -> datetime:
    day = local.date() + timedelta(days=1)
    return datetime(day.year, day.month, day.day, tzinfo=local.tzinfo).astimezone(timezone.utc)
