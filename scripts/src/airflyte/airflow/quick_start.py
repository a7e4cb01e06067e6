"""Runs ``airflow`` with few garbage collections while it starts.

Importing Airflow and building its API makes millions of objects that stay; looking through them again and
again takes a fifth of the start. Once it has started, Python's own thresholds hold again.

Run by its path in Airflow's environment, where none of our packages is: the standard library and Airflow
only.
"""

from __future__ import annotations

import gc
import runpy
import sys
import time
from collections.abc import Sequence

STARTING_SECONDS = 20.0
STARTING_THRESHOLDS = (100_000, 50, 50)


def collect_seldom(seconds: float = STARTING_SECONDS) -> None:
    """Raise the thresholds for a while.

    A collection itself looks at the clock, because a thread for it would not survive Airflow's forks.
    """
    usual = gc.get_threshold()
    end = time.monotonic() + seconds

    def restore(phase: str, info: dict[str, int]) -> None:
        if time.monotonic() > end:
            gc.set_threshold(*usual)
            gc.callbacks.remove(restore)

    gc.callbacks.append(restore)
    gc.set_threshold(*STARTING_THRESHOLDS)


def main(arguments: Sequence[str]) -> None:
    """Become the command ``airflow`` with these arguments."""
    collect_seldom()
    sys.argv = ["airflow", *arguments]
    runpy.run_module("airflow", run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
