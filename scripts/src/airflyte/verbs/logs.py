"""``airflyte logs``: the logs of the stack's components, followed on demand."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from airflyte.errors import AirflyteError
from airflyte.settings import Settings

HELP = "show the logs: `logs`, `logs flyte`, `logs airflow-scheduler -f`"
LOOK_SECONDS = 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which log, how much, and whether to follow it."""
    parser.add_argument(
        "component", nargs="?", help="one of them, or the beginning of some (airflow); all without it"
    )
    parser.add_argument("-f", "--follow", action="store_true", help="go on as lines are written")
    parser.add_argument(
        "-n", "--lines", type=int, default=20, help="lines of each to begin with; 20 by default"
    )


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Print them; each line with its component's name when there are several.

    :raises AirflyteError: when there is no such log.
    """
    found = choose(settings.folder.logs, args.component)
    logs = [Log(path, is_named=len(found) > 1) for path in found]
    for log in logs:
        _print(log.last(args.lines))
    while args.follow:
        for log in logs:
            _print(log.new())
        time.sleep(LOOK_SECONDS)
    return 0


def choose(folder: Path, component: str | None) -> list[Path]:
    """The logs of that name, or of names that begin with it."""
    paths = {path.name.removesuffix(".log"): path for path in sorted(folder.glob("*.log"))}
    if component in paths:
        return [paths[component]]
    found = [path for name, path in paths.items() if name.startswith(component or "")]
    if not paths:
        raise AirflyteError(f"There are no logs in {folder} yet; type make up.")
    if not found:
        raise AirflyteError(f"There is no log of {component!r}; there are {', '.join(paths)}.")
    return found


class Log:
    """One log file, read from its end on; survives its rotation.

    :param is_named: whether each line begins with the log's name.
    """

    def __init__(self, path: Path, *, is_named: bool) -> None:
        self._path = path
        self._prefix = f"{path.name.removesuffix('.log'):<22} | " if is_named else ""
        self._inode = -1
        self._offset = 0
        self._rest = b""

    def last(self, count: int) -> Iterator[str]:
        """The last lines; :meth:`new` goes on after them."""
        lines = list(self.new())
        yield from lines[max(len(lines) - count, 0) :] if count > 0 else []

    def new(self) -> Iterator[str]:
        """The whole lines that were written since the last call."""
        try:
            with self._path.open("rb") as file:
                self._begin_again_if_rotated(file.fileno())
                file.seek(self._offset)
                content = file.read()
        except FileNotFoundError:
            return
        self._offset += len(content)
        *lines, self._rest = (self._rest + content).split(b"\n")
        for line in lines:
            yield f"{self._prefix}{line.decode('utf-8', 'replace')}\n"

    def _begin_again_if_rotated(self, descriptor: int) -> None:
        import os

        status = os.fstat(descriptor)
        if status.st_ino != self._inode or status.st_size < self._offset:
            self._inode, self._offset, self._rest = status.st_ino, 0, b""


def _print(lines: Iterator[str]) -> None:
    sys.stdout.writelines(lines)
    sys.stdout.flush()
