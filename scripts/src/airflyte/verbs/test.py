"""``airflyte test``: the middle ring, at most fifteen minutes; what the README promises."""

from __future__ import annotations

import argparse

from airflyte.settings import Settings

HELP = "check, then the end-to-end stories on stacks of their own (15 minutes)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None."""


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Run the inner ring and everything else that is not slow."""
    from airflyte.rings import STORIES, Rings

    rings = Rings(settings)
    rings.prepare()
    rings.tools()
    rings.side_by_side("not slow and not e2e")
    rings.tests("e2e and not slow", [STORIES])
    return rings.close()
