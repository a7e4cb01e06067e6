"""Whether an answer came from this stack: the process behind the port carries its mark and is younger than
its start.
"""

from __future__ import annotations

import psutil

from airflyte import ports

CLOCK_SECONDS = 1.5
"""The kernel gives a process's start in ticks since a boot time in whole seconds; this much it may be off."""


def check(name: str, port: int, stack_id: str, started_at: float) -> None:
    """Refuse an answer that came from another process.

    :raises ConnectionError: naming who answered.
    """
    held = ports.holders({name: port})
    if not held:
        raise ConnectionError(f"nobody listens on port {port}")
    (holder,) = held
    if holder.stack_id != stack_id:
        raise ConnectionError(f"port {port} is {holder}, which is not of this stack")
    if holder.pid is None or psutil.Process(holder.pid).create_time() < started_at - CLOCK_SECONDS:
        raise ConnectionError(f"port {port} is {holder}, which was there before this start")
