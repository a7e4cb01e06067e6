"""Waiting for what happens in another process: look again and again, with a limit, never a fixed sleep."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LOOK_SECONDS = 0.1


def eventually(
    look: Callable[[], T | None], seconds: float = 30, *, tolerating: tuple[type[Exception], ...] = ()
) -> T:
    """Look until there is something.

    :param look: returns something true once it has happened.
    :param tolerating: exceptions of ``look`` that mean "not yet".
    :return: what ``look`` returned last.
    :raises AssertionError: when it has not happened in time, with what was seen last.
    """
    deadline = time.monotonic() + seconds
    while True:
        seen: object
        try:
            found = look()
        except tolerating as error:
            seen = error
        else:
            if found:
                return found
            seen = found
        assert time.monotonic() < deadline, f"not within {seconds} s; seen last: {seen!r}"
        time.sleep(LOOK_SECONDS)
