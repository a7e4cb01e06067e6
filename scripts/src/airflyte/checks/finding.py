"""What one check found."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Literal

from airflyte.settings import Settings

Level = Literal["ok", "warning", "failure"]


@dataclasses.dataclass(frozen=True)
class Finding:
    """One line of ``airflyte doctor``.

    :param name: what was looked at.
    :param level: a failure stops ``up``; a warning says what may surprise.
    :param text: what was found.
    :param advice: what to do about it, with the command; empty when all is well.
    """

    name: str
    level: Level
    text: str
    advice: str = ""


@dataclasses.dataclass(frozen=True)
class Check:
    """One look at the machine.

    :param look: makes the findings.
    :param is_slow: left out when ``up`` looks, because it talks to somebody or takes long.
    """

    look: Callable[[Settings, Mapping[str, str]], list[Finding]]
    is_slow: bool = False


def ok(name: str, text: str) -> list[Finding]:
    """Nothing to do."""
    return [Finding(name, "ok", text)]


def warning(name: str, text: str, advice: str) -> list[Finding]:
    """It works, but."""
    return [Finding(name, "warning", text, advice)]


def failure(name: str, text: str, advice: str) -> list[Finding]:
    """It will not work."""
    return [Finding(name, "failure", text, advice)]
