"""``airflyte test-all``: the outer ring, hours; run before an issue is closed."""

from __future__ import annotations

import argparse

from airflyte.settings import Settings

HELP = "everything, the slow tests too (hours)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None."""


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Run all there is, the quick parts first."""
    from airflyte.rings import Rings

    rings = Rings(settings)
    rings.prepare()
    rings.tools()
    rings.side_by_side("not slow and not e2e")
    for markers in ("e2e and not slow", "slow"):
        rings.tests(markers)
    return rings.close()
