"""``airflyte setup``: make every environment, that of the developers too, without starting anything."""

from __future__ import annotations

import argparse
import os

from airflyte.settings import Settings

HELP = "make all environments, the developers' too, and start nothing"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None."""


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Bring each environment to what its lock says."""
    from airflyte import environments
    from airflyte.steps import Steps

    steps = Steps(len(environments.PACKAGES))
    for name in environments.PACKAGES:
        with steps.step(name) as step:
            ours = environments.of(settings, os.environ, step.say)
            step.say("made" if ours.sync(name, step) else "unchanged")
    return 0
