"""``airflyte lock``: compile the lock files after a dependency has changed."""

from __future__ import annotations

import argparse
import os

from airflyte import lockfiles, uv
from airflyte.settings import Settings
from airflyte.steps import Steps

HELP = "compile the locks in deploy/environments anew"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``--upgrade``."""
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions that fit")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Compile all of them; what still fits keeps its version."""
    steps = Steps(len(lockfiles.INPUTS))
    for name in lockfiles.INPUTS:
        with steps.step(name) as step:
            step.log = settings.folder.logs / "lock.log"
            step.say("asking the index")
            tool = uv.find_or_fetch(settings.state, settings.checkout, os.environ, step.say)
            lockfiles.compile_lock(settings.checkout, name, tool, step.log, upgrade=args.upgrade)
            lock = lockfiles.folder(settings.checkout) / f"{name}.txt"
            step.say(f"{len(lockfiles.entries(lock))} packages")
    return 0
