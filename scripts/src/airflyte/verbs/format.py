"""``airflyte format``: bring the code into the form that ``check`` asks for."""

from __future__ import annotations

import argparse

from airflyte.settings import Settings

HELP = "sort imports and format the code"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None."""


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Let ruff repair what it can."""
    from airflyte.rings import FORMATTERS, Rings

    rings = Rings(settings)
    rings.prepare()
    rings.tools(FORMATTERS)
    return rings.close()
