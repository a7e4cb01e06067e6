"""``airflyte up``: bring the stack from wherever it is to ready, and say where everything is."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from types import FrameType

from airflyte.errors import AirflyteError
from airflyte.settings import Settings

HELP = "start everything, wait until it is ready, run the demo once"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None; what ``up`` does is in the settings."""


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Start, wait, run the demo, print the card."""
    from airflyte.bringing_up import BringUp

    if settings.flyte == "docker":
        raise AirflyteError(
            "AIRFLYTE_FLYTE=docker is not part of this version yet; leave it out to use the embedded Flyte."
        )
    with _terminable():
        return BringUp(settings, os.environ, sys.stdout).run()


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Treat SIGTERM, which CI sends, like Ctrl-C: what was started is stopped."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
