"""``airflyte register``: register what changed under ``workflows/``, with this stack or with any Flyte."""

from __future__ import annotations

import argparse
from pathlib import Path

from airflyte.settings import Settings

HELP = "register what changed under workflows/"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options; without any, everything goes to this stack's Flyte."""
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="a flytectl configuration of another Flyte"
    )
    parser.add_argument("--image", help="the image of tasks that name none; needed on a cluster")
    parser.add_argument("--version", help="a version of your own instead of one made from the content")
    parser.add_argument("--force", action="store_true", help="upload and register also what is there")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Register, and say what is registered now."""
    from airflyte.registration.launcher import Target, register
    from airflyte.steps import Steps

    target = Target(args.config, args.image, args.version, is_forced=args.force)
    with Steps(1).step("register") as step:
        step.say(str(register(settings, step, target)))
    return 0
