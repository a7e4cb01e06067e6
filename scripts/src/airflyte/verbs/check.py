"""``airflyte check``: the inner ring, at most two minutes; every commit passes it."""

from __future__ import annotations

import argparse

from airflyte.settings import Settings

HELP = "format, lint, types, layers and the fast tests (2 minutes)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None."""


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Run the tools, then every test that needs no stack."""
    from airflyte.rings import Rings

    rings = Rings(settings)
    rings.prepare()
    rings.tools()
    rings.side_by_side("not slow and not e2e and not processes")
    return rings.close()
