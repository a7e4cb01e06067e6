"""Arguments, order and output: JSON, an object a line, on standard output; words on standard error."""

from __future__ import annotations

import argparse
import signal
import sys
import traceback
from collections.abc import Sequence
from types import FrameType

from .figures import MeasurementError, as_line
from .registry import LATER, ROWS, Row
from .workshop import Workshop, open_workshop


def main(arguments: Sequence[str] | None = None) -> int:
    """:return: 0 when every chosen row was measured, 1 when one was not, 2 for a name that nobody knows."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("name", nargs="?", default="", help="a row, or the beginning of some; all without it")
    wanted = parser.parse_args(arguments).name
    rows = choose(wanted)
    later = {name: why for name, why in LATER.items() if name.startswith(wanted)}
    if not rows and not later:
        names = ", ".join([*(row.name for row in ROWS), *LATER])
        sys.stderr.write(f"bench: there is no row {wanted!r}; the rows are {names}\n")
        return 2
    signal.signal(signal.SIGTERM, _interrupt)  # servers are ended then, too
    with open_workshop() as workshop:
        is_good = [_measure(row, workshop) for row in rows]
    for name, why in later.items():
        sys.stderr.write(f"── {name}: not measured, {why}\n")
    return 0 if rows and all(is_good) else 1


def choose(wanted: str) -> list[Row]:
    """The row of that name, else all whose names begin with it."""
    return [row for row in ROWS if row.name == wanted] or [row for row in ROWS if row.name.startswith(wanted)]


def _measure(row: Row, workshop: Workshop) -> bool:
    sys.stderr.write(f"── {row.name}: {row.what} (goal {row.goal})\n")
    try:
        found = row.measure(workshop)
    except MeasurementError as error:
        sys.stderr.write(f"   not measured: {error}\n")
        return False
    except Exception:  # noqa: BLE001 - one row that fails must not keep the others from being measured
        sys.stderr.write(f"   not measured:\n{traceback.format_exc()}")
        return False
    sys.stdout.write(as_line(row.name, row.unit, row.goal, found) + "\n")
    sys.stdout.flush()
    workshop.say("reached" if row.goal.is_reached(found) else "MISSED")
    return True


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
