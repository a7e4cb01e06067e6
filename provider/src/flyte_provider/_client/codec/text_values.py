"""Reading numbers, switches and times from text: what a Jinja template renders is always a string."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

_INTEGER = re.compile(r"[+-]?\d+")
_CLOCK = re.compile(
    r"(?:(?P<days>[+-]?\d+) days?,? ?)?"
    r"(?P<hours>\d+):(?P<minutes>[0-5]?\d):(?P<seconds>[0-5]?\d(?:\.\d{1,6})?)"
)
_ISO_DURATION = re.compile(
    r"(?P<sign>[+-])?P(?=.)(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?=.)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)


def read_int(text: str) -> int | None:
    """Return the integer that ``text`` spells, or None."""
    text = text.strip()
    return int(text) if _INTEGER.fullmatch(text) else None


def read_float(text: str) -> float | None:
    """Return the number that ``text`` spells, or None."""
    try:
        return float(text)
    except ValueError:
        return None


def read_bool(text: str) -> bool | None:
    """Return what true or false in any case means, else None."""
    return {"true": True, "false": False}.get(text.strip().lower())


def read_datetime(text: str) -> datetime | None:
    """Return the time that ISO 8601 text spells, or None."""
    text = text.strip()
    # Python 3.10 does not know the Z of "zulu".
    if text.endswith(("Z", "z")):
        text = text[:-1] + "+00:00"
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def read_timedelta(text: str) -> timedelta | None:
    """Return the duration that ``text`` spells as ISO 8601 or as ``str(timedelta)`` does, or None."""
    text = text.strip()
    if clock := _CLOCK.fullmatch(text):
        return timedelta(**{unit: float(value) for unit, value in clock.groupdict().items() if value})
    if iso := _ISO_DURATION.fullmatch(text):
        parts = {unit: float(value) for unit, value in iso.groupdict().items() if value and unit != "sign"}
        return -timedelta(**parts) if iso["sign"] == "-" else timedelta(**parts)
    return None


def as_utc(value: datetime) -> datetime:
    """Return the same instant in UTC; a naive time is taken for UTC, as flytekit does."""
    return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)


def to_iso_duration(value: timedelta) -> str:
    """Return a duration as pydantic writes it, as in ``P1DT2H3.5S``."""
    sign = "-" if value < timedelta(0) else ""
    value = abs(value)
    minutes, seconds = divmod(value.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{value.microseconds:06d}".rstrip("0") if value.microseconds else ""
    days = f"{value.days}D" if value.days else ""
    clock = "".join(f"{amount}{unit}" for amount, unit in ((hours, "H"), (minutes, "M")) if amount)
    if seconds or fraction or not (days or clock):
        clock += f"{seconds}{fraction}S"
    return f"{sign}P{days}" + (f"T{clock}" if clock else "")
