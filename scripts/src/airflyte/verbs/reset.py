"""``airflyte reset``: stop the stack and remove everything that it has ever written."""

from __future__ import annotations

import argparse
import sys

from airflyte.errors import AirflyteError
from airflyte.settings import Settings

HELP = "stop the stack and remove its state: databases, runs, buckets, environments"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``--yes`` for scripts."""
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Ask, stop, remove.

    :raises AirflyteError: without a terminal and without ``--yes``, or when the folder is not certainly ours.
    """
    # All imports come first: the environment that this program runs in is part of what is removed.
    from airflyte.processes import marks, stopping
    from airflyte.stack.parts import STOP_ORDER, Stack
    from airflyte.steps import Steps

    folder = settings.folder
    if not folder.path.is_symlink() and not folder.path.exists():
        sys.stdout.write(f"There is nothing to reset: {folder.path} does not exist.\n")
        return 0
    if folder.path.is_symlink() or folder.stack_json.is_symlink() or folder.read() is None:
        folder.remove()  # says why it does not
    if not (args.yes or _confirmed(folder.path)):
        sys.stdout.write("Nothing was removed.\n")
        return 1
    stack = Stack(settings)
    with folder.locked("airflyte reset"), Steps(1).step("reset") as step:
        if marks.find_marked(stack.id):
            step.say("stopping the stack")
            stopping.stop(stack.supervisor, stack.id, STOP_ORDER)
        step.say(f"removing {folder.path}")
        folder.remove()
        step.say(f"{folder.path} removed")
    return 0


def _confirmed(path: object) -> bool:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise AirflyteError(
            f"reset removes {path} with all runs, connections and environments, and there is no terminal to "
            "ask; type make reset ARGS=--yes."
        )
    sys.stdout.write(f"Remove {path} with all runs, connections, buckets and environments? [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
