"""Waiting for something to become true, with a limit."""

from __future__ import annotations

import time
from collections.abc import Callable

from .figures import MeasurementError


def wait_until(look: Callable[[], bool], seconds: float, what: str, every: float = 0.005) -> None:
    """:param what: what is waited for, for the message when it does not come.

    :param every: seconds between two looks.
    :raises MeasurementError: when it does not come in time.
    """
    deadline = time.monotonic() + seconds
    while not look():
        if time.monotonic() > deadline:
            raise MeasurementError(f"{what}: not within {seconds:g} s")
        time.sleep(every)
