"""Refuses values of the wrong kind in one sentence, where Flyte's protocol would answer with a riddle.

Plain Python. What a value has to say to Flyte is decided elsewhere; here only what kind of value it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flyte_provider.exceptions import FlyteConfigurationError

_LONGEST_SHOWN = 60
_INT32 = range(2**31)


def refuse(place: str, value: Any, expected: str) -> FlyteConfigurationError:
    """Return the error that says what was expected instead of ``value``."""
    shown = repr(value)
    shown = shown if len(shown) <= _LONGEST_SHOWN else shown[:_LONGEST_SHOWN] + "…"
    got = "None" if value is None else f"{type(value).__name__} {shown}"
    return FlyteConfigurationError(f"{place}: expected {expected}, got {got}")


def check_text(place: str, value: Any) -> None:
    """Refuse what is no text, and an empty one."""
    if not isinstance(value, str) or not value.strip():
        raise refuse(place, value, "a text")


def check_texts(place: str, value: Any) -> None:
    """Refuse what is no list of texts; a text alone would count as a list of its letters."""
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):
        raise refuse(place, value, "a list of texts")


def check_list(place: str, value: Any) -> None:
    """Refuse what is no list."""
    if not isinstance(value, (list, tuple)):
        raise refuse(place, value, "a list of dicts")


def check_dict(place: str, value: Any) -> None:
    """Refuse what is no dict; it may hold a secret, so its value is not shown."""
    if not isinstance(value, Mapping):
        raise FlyteConfigurationError(f"{place}: expected a dict, got {type(value).__name__}")


def check_switch(place: str, value: Any) -> None:
    """Refuse what is neither True nor False."""
    if not isinstance(value, bool):
        raise refuse(place, value, "True or False")


def check_count(place: str, value: Any) -> None:
    """Refuse what Flyte cannot count with."""
    if type(value) is not int or value not in _INT32:
        raise refuse(place, value, "a whole number, 0 or more")


def check_output_prefix(place: str, value: Any) -> None:
    """Refuse what is neither an address nor flytekit's spelling of one."""
    prefix = value.get("output_location_prefix") if isinstance(value, Mapping) else value
    if not isinstance(prefix, str) or not prefix:
        raise refuse(place, value, "an address, as in s3://bucket/prefix")
