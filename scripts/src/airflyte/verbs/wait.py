"""``airflyte wait``: block until the stack is ready, for scripts."""

from __future__ import annotations

import argparse
import sys
import time

from airflyte.errors import AirflyteError
from airflyte.settings import Settings

HELP = "wait until the stack is ready; ends with 1 when it is not in time"
LOOK_SECONDS = 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How long."""
    parser.add_argument("--timeout", type=float, default=300.0, metavar="SECONDS", help="300 by default")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Wait for an ``up`` that is under way elsewhere; starts nothing itself.

    :raises AirflyteError: naming the first closed door when the time is over.
    """
    from airflyte.stack import health, record

    deadline = time.monotonic() + args.timeout
    # Made anew for each look: an `up` that begins meanwhile decides what there is to wait for.
    while not (found := health.look(record.running_stack(settings))).is_ready:
        if time.monotonic() > deadline:
            raise AirflyteError(f"The stack is not ready after {args.timeout:g} seconds: {_why(found)}.")
        time.sleep(LOOK_SECONDS)
    sys.stdout.write("The stack is ready.\n")
    return 0


def _why(found: object) -> str:
    from airflyte.stack.health import Health

    assert isinstance(found, Health)
    closed = next((door for door in found.doors if not door.is_open), None)
    return f"{closed.name}: {closed.reason}" if closed else "it is not running; type make up"
