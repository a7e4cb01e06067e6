"""Finds the Python that runs the stack: which one is asked for, which ones there are, and which fits.

Runs before anything is installed, on whatever Python the machine has: standard library only, and syntax that
Python 3.8 still reads.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from airflyte.errors import AirflyteError

FITTING = ((3, 11), (3, 12))
NEEDED = "CPython 3.11 or 3.12, 64-bit, with the modules ssl and sqlite3"
CANDIDATES = ("python3.12", "python3.11", "python3")
INSTALLED = "3.12"
"""What uv fetches when the machine has none that fits."""

# Runs in the interpreter that is looked at, which may be any Python from 2.7 on.
_LOOK = """
import json, platform, sys
def has(name):
    try:
        __import__(name)
    except Exception:
        return False
    return True
print(json.dumps({
    "implementation": platform.python_implementation(),
    "version": list(sys.version_info[:3]),
    "executable": getattr(sys, "_base_executable", None) or sys.executable,
    "bits": 64 if sys.maxsize > 2 ** 32 else 32,
    "missing": [name for name in ("ssl", "sqlite3") if not has(name)],
}))
"""


class Interpreter(NamedTuple):
    """A Python that was looked at.

    :param path: the base interpreter, not a virtual environment's or a shim: these may be gone tomorrow.
    :param problem: why it cannot run the stack; empty when it can.
    """

    path: str
    version: tuple[int, ...]
    problem: str

    @property
    def fits(self) -> bool:
        """Whether it can run the stack."""
        return not self.problem

    def __str__(self) -> str:
        version = ".".join(str(number) for number in self.version)
        return f"{self.path} ({self.problem or version})"


def look_at(command: str) -> Interpreter:
    """Run an interpreter and see what it is.

    :param command: a path, or a name to look up on PATH.
    """
    path = shutil.which(command)
    if path is None:
        return Interpreter(command, (), "not found")
    try:
        run = subprocess.run(
            [path, "-I", "-c", _LOOK],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=30,
            check=True,
        )
        seen = json.loads(run.stdout.decode())
    except (OSError, subprocess.SubprocessError, ValueError):
        return Interpreter(path, (), "does not run")
    return Interpreter(os.path.realpath(seen["executable"]), tuple(seen["version"]), _problem(seen))


def choose(request: str | None, candidates: Sequence[str] = CANDIDATES) -> Interpreter | None:
    """The interpreter that was asked for, else the first that fits, else None.

    :param request: what ``AIRFLYTE_PYTHON`` or ``stack.python`` says; it is taken or refused, never replaced.
    :raises AirflyteError: when the one that was asked for does not fit.
    """
    if request:
        asked = look_at(request)
        if not asked.fits:
            raise AirflyteError(
                f"AIRFLYTE_PYTHON asks for {asked}; the stack needs {NEEDED}. "
                "Name another, or leave it unset to have one found."
            )
        return asked
    return next((found for found in map(look_at, candidates) if found.fits), None)


def find(request: str | None, install: Callable[[], str | None]) -> str:
    """The path of the interpreter that was asked for, or the first that fits, or one that is installed now.

    :param install: fetches one and gives its path, or None when it cannot.
    :raises AirflyteError: saying what was found and what is needed.
    """
    candidates = (*CANDIDATES, sys.executable)
    chosen = choose(request, candidates)
    path = chosen.path if chosen else install()
    if path is None:
        raise none_fits(candidates)
    return path


def none_fits(candidates: Iterable[str] = CANDIDATES) -> AirflyteError:
    """The error for a machine on which no Python fits and none could be fetched."""
    found = "; ".join(dict.fromkeys(str(look_at(candidate)) for candidate in candidates))
    return AirflyteError(
        f"No Python here can run the stack. Found: {found}. Needed: {NEEDED}. "
        "Install one (on Debian and Ubuntu: sudo apt-get install -y python3.11 python3.11-venv), "
        "or name one: AIRFLYTE_PYTHON=/path/to/python3.12 make up."
    )


def _problem(seen: dict[str, object]) -> str:
    version = tuple(seen["version"])  # type: ignore[arg-type, var-annotated]
    if seen["implementation"] != "CPython":
        return f"{seen['implementation']}, not CPython"
    if version[:2] not in FITTING:
        return "Python " + ".".join(str(number) for number in version)
    if seen["bits"] != 64:
        return f"{seen['bits']}-bit"
    missing = seen["missing"]
    if isinstance(missing, list) and missing:
        return "without " + " and ".join(missing)
    return ""
