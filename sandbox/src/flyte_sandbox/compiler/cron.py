"""Reads the schedules of launch plans: five fields, descriptors, ``@every``, a time zone.

Written against robfig/cron's ParseStandard, which Flyte's scheduler uses: Python's cron libraries accept more
(seconds, ``L``, ``#``, hashes), and a real cluster would refuse what was accepted here.
Source of the syntax: flyteadmin scheduler/core, github.com/robfig/cron/v3 parser.go.
"""

from __future__ import annotations

import re
import zoneinfo
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Field:
    low: int
    high: int
    names: tuple[str, ...] = ()

    def value(self, text: str) -> int:
        if text.lower() in self.names:
            return self.low + self.names.index(text.lower())
        if not _NUMBER.fullmatch(text):
            raise ValueError(f"failed to parse int from {text}")
        return int(text)


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS = (Field(0, 59), Field(0, 23), Field(1, 31), Field(1, 12, _MONTHS), Field(0, 6, _DAYS))

_DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

_NUMBER = re.compile(r"[0-9]+")
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class CronSchedule:
    """:param any_day: whether day of month or day of week was ``*``; else one of the two is enough.
    :param zone: the name of a time zone; empty means the scheduler's own.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    zone: str = ""


@dataclass(frozen=True)
class EverySchedule:
    interval: timedelta


def parse_cron(text: str) -> CronSchedule | EverySchedule:
    """:raises ValueError: with what is wrong."""
    if not text:
        raise ValueError("empty spec string")
    zone, text = _split_zone(text)
    if text.startswith("@every "):
        return EverySchedule(_parse_duration(text.removeprefix("@every ")))
    if text.startswith("@") and text not in _DESCRIPTORS:
        raise ValueError(f"unrecognized descriptor: {text}")
    fields = _DESCRIPTORS.get(text, text).split()
    if len(fields) != len(_FIELDS):
        raise ValueError(f"expected exactly 5 fields, found {len(fields)}: {fields}")
    minutes, hours, days, months, weekdays = map(_parse_field, fields, _FIELDS)
    any_day = _is_any(fields[2]) or _is_any(fields[4])
    return CronSchedule(minutes, hours, days, months, weekdays, any_day, zone)


def _split_zone(text: str) -> tuple[str, str]:
    if not text.startswith(("TZ=", "CRON_TZ=")):
        return "", text
    prefix, _, rest = text.partition(" ")
    zone = prefix.partition("=")[2]
    try:
        zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"provided bad location {zone}") from error
    return zone, rest.strip()


def _is_any(text: str) -> bool:
    """A star with a step is not "any": then day of month and day of week are alternatives."""
    return any(part in ("*", "?", "*/1", "?/1") for part in text.split(","))


def _parse_field(text: str, field: Field) -> frozenset[int]:
    values: set[int] = set()
    for part in text.split(","):
        values |= _parse_range(part, field)
    return frozenset(values)


def _parse_range(text: str, field: Field) -> set[int]:
    span, slash, step = text.partition("/")
    if slash and not _NUMBER.fullmatch(step):
        raise ValueError(f"failed to parse int from {step}")
    width = int(step) if slash else 1
    if width == 0:
        raise ValueError(f"step of range should be a positive number: {text}")
    low, high = _parse_bounds(span, field, bool(slash))
    if low < field.low:
        raise ValueError(f"beginning of range ({low}) below minimum ({field.low}): {text}")
    if high > field.high:
        raise ValueError(f"end of range ({high}) above maximum ({field.high}): {text}")
    if low > high:
        raise ValueError(f"beginning of range ({low}) beyond end of range ({high}): {text}")
    return set(range(low, high + 1, width))


def _parse_bounds(span: str, field: Field, has_step: bool) -> tuple[int, int]:
    if span in ("*", "?"):
        return field.low, field.high
    low, dash, high = span.partition("-")
    if dash:
        return field.value(low), field.value(high)
    # "5/10" means from 5 on.
    return field.value(low), field.high if has_step else field.value(low)


def _parse_duration(text: str) -> timedelta:
    if not re.fullmatch(rf"(?:{_DURATION.pattern})+", text):
        raise ValueError(f"failed to parse duration @every {text}")
    seconds = sum(float(amount) * _UNITS[unit] for amount, unit in _DURATION.findall(text))
    try:
        return timedelta(seconds=max(1, int(seconds)))
    except OverflowError as error:
        raise ValueError(f"failed to parse duration @every {text}") from error
