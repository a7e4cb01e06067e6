"""Are the ports free, or held by this stack, and is no process left over from a stack that has ended?"""

from __future__ import annotations

from collections.abc import Mapping

import psutil

from airflyte import ports
from airflyte.checks.finding import Check, Finding, ok, warning
from airflyte.errors import AirflyteError
from airflyte.processes import marks
from airflyte.processes.supervisord import Supervisor
from airflyte.settings import Settings


def four_ports(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    """Each of the ports, with its holder."""
    needed = ports.needed(settings)
    held = {holder.name: holder for holder in ports.holders(needed)}
    own = _own_id(settings)
    return [_port(name, number, held.get(name), own, settings) for name, number in needed.items()]


def strays(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    """Marked processes without a supervisor, ours and those of stacks whose folder is gone."""
    own = _own_id(settings)
    left = marks.find_marked(own) if own and _supervisor_pid(settings) is None else set()
    if left:
        text = f"left from an earlier run of this stack: {marks.describe(left)}"
        return warning("strays", text, "make down ends them, and make up does so first")
    orphans = _orphans(own)
    if orphans:
        pids = " ".join(str(process.pid) for process in orphans)
        text = f"of stacks whose folder is gone: {marks.describe(orphans)}"
        return warning("strays", text, f"kill {pids}")
    return ok("strays", "none")


def _port(
    name: str, number: int, holder: ports.Holder | None, own: str | None, settings: Settings
) -> Finding:
    label = f"port {number}"
    if holder is None:
        return Finding(label, "ok", f"free for {name}")
    if own and holder.stack_id == own:
        return Finding(label, "ok", f"this stack's {name}, pid {holder.pid}")
    return Finding(label, "failure", f"wanted for {name}, {holder}", ports.way_out([holder], settings))


def _own_id(settings: Settings) -> str | None:
    try:
        stack = settings.folder.read()
    except AirflyteError:
        return None  # the check of the state folder says why
    return stack.stack_id if stack else None


def _supervisor_pid(settings: Settings) -> int | None:
    return (
        Supervisor(settings.folder.run, settings.folder.logs).pid() if settings.folder.run.is_dir() else None
    )


def _orphans(own: str | None) -> list[psutil.Process]:
    """Processes with the mark of a stack that can no longer be stopped from its folder."""
    marked = ((process, ports.mark_of(process)) for process in psutil.process_iter())
    return [
        process
        for process, mark in marked
        if mark and mark != own and marks.is_alive(process) and ports.is_orphan(process, mark)
    ]


CHECKS = (Check(four_ports), Check(strays))
