"""Whether an answer came from this stack: the process behind the port has its mark and is younger than its
start.
"""

from __future__ import annotations

import contextlib

import psutil

from airflyte import ports
from airflyte.processes import marks

CLOCK_SECONDS = 1.5
"""The kernel gives a process's start in ticks since a boot time in whole seconds; this much it may be off."""


def check(name: str, port: int, stack_id: str, started_at: float) -> None:
    """Refuse an answer that came from another process.

    Only our own processes are asked for what they listen on, which every system lets their owner do.

    :param name: what the port is for.
    :raises ConnectionError: naming who answered.
    """
    ours = [process for process in marks.find_marked(stack_id) if _listens(process, port)]
    if not ours:
        held = ports.holders({name: port})
        who = (
            f"port {port} is {held[0]}, which is not of this stack"
            if held
            else f"nobody listens on port {port}"
        )
        raise ConnectionError(who)
    if all(process.create_time() < started_at - CLOCK_SECONDS for process in ours):
        raise ConnectionError(
            f"port {port} is held by {marks.describe(ours)}, which was there before this start"
        )


def _listens(process: psutil.Process, port: int) -> bool:
    with contextlib.suppress(psutil.Error):
        return any(
            each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.port == port
            for each in process.net_connections(kind="tcp")
        )
    return False
