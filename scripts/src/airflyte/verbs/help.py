"""``airflyte help``: every verb with its line."""

from __future__ import annotations

import argparse
import sys

from airflyte import cli
from airflyte.settings import Settings

HELP = "list the verbs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None."""


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Print the list; ``airflyte VERB --help`` tells the rest."""
    lines = [f"  {name:<10} {cli.help_line(name)}" for name in cli.names()]
    sys.stdout.write("make VERB, or airflyte VERB [--help]:\n\n" + "\n".join(lines) + "\n")
    return 0
