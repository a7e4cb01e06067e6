"""Waiting for what tells nobody that it has happened: files, rows and processes of others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(look: Callable[[], T], what: str = "it", seconds: float = 40) -> T:
    """:return: what ``look`` returns once it is true."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.01)
    return found


async def eventually_in_loop(look: Callable[[], bool], seconds: float = 20) -> None:
    """The same while the event loop goes on."""
    async with asyncio.timeout(seconds):
        while not look():  # noqa: ASYNC110
            await asyncio.sleep(0.001)
