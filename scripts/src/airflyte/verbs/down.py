"""``airflyte down``: stop everything, and return when no process and no port is left."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from airflyte.errors import AirflyteError
from airflyte.settings import Settings

if TYPE_CHECKING:
    from airflyte.environments import Progress
    from airflyte.stack.parts import Stack

HELP = "stop everything; data stays, running executions go on at the next up"
LOOK_SECONDS = 0.5
ASK_SECONDS = 1.0
"""How long a Flyte that is about to be stopped may think about what it is doing."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Whether to let executions finish."""
    parser.add_argument("--wait", action="store_true", help="first let running Flyte executions finish")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Stop the stack; nothing to do is no failure."""
    from airflyte.processes import marks
    from airflyte.stack import record
    from airflyte.steps import Steps

    if settings.folder.read() is None:
        sys.stdout.write("Nothing is running: no stack was ever started here.\n")
        return 0
    stack = record.running_stack(settings)
    with settings.folder.locked("airflyte down"):
        if not marks.find_marked(stack.id):
            sys.stdout.write("Nothing is running.\n")
            return 0
        with Steps(1).step("down") as step:
            if args.wait:
                _let_finish(stack, step)
            step.say(stop(stack))
    return 0


def stop(stack: Stack) -> str:
    """Stop the stack; call it with its lock held.

    :return: what came of it, in words.
    :raises AirflyteError: when a process does not end, or a port stays busy.
    """
    from airflyte import ports
    from airflyte.processes import marks, stopping
    from airflyte.stack.parts import STOP_ORDER

    running = active(stack)
    count = len(marks.find_marked(stack.id))
    stopping.stop(stack.supervisor, stack.id, STOP_ORDER)
    busy = [holder for holder in ports.holders(ports.needed(stack.settings)) if holder.stack_id == stack.id]
    if busy:
        raise AirflyteError(f"Port {busy[0].port} is still {busy[0]}.")
    said = f"{count} processes ended, ports free"
    if running:
        what = "1 execution goes on" if len(running) == 1 else f"{len(running)} executions go on"
        said += f"; {what} at the next up: {', '.join(running[:3])}"
        said += " …" if len(running) > 3 else ""
    return said


def active(stack: Stack) -> list[str]:
    """The Flyte executions that are not over, in the project and domain of the settings."""
    from airflyte.flyte.client import FlyteClient

    try:
        flyte = FlyteClient(stack.settings.ports.flyte, ASK_SECONDS)
        return flyte.active_executions(stack.settings.flyte_project, stack.settings.flyte_domain)
    except OSError:
        return []  # Flyte is not running; nothing can be asked


def _let_finish(stack: Stack, progress: Progress) -> None:
    total = 0
    while running := active(stack):
        total = max(total, len(running))
        progress.advance(total - len(running), total, f"waiting for {', '.join(running[:3])}")
        time.sleep(LOOK_SECONDS)
