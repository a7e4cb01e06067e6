"""``airflyte e2e``: the end-to-end stories alone, or some of them."""

from __future__ import annotations

import argparse

from airflyte.settings import Settings

HELP = "the end-to-end stories alone; `airflyte e2e busy_port` runs those of that name"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The stories to run."""
    parser.add_argument("story", nargs="?", help="part of a story's name; all stories without it")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Run the stories; one that was named runs also when it is slow."""
    from airflyte.rings import STORIES, Rings

    rings = Rings(settings)
    rings.prepare()
    chosen = ["-k", args.story] if args.story else []
    rings.tests("e2e" if args.story else "e2e and not slow", [STORIES], chosen)
    return rings.close()
