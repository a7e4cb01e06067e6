"""From a bare machine to the command line: a Python that fits, uv, the environment ``sandbox``, hand over.

Runs on whatever Python the machine has: standard library only, and syntax that Python 3.8 still reads. What
needs more is imported once a Python that fits is running.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from airflyte import interpreters, uv
from airflyte.errors import AirflyteError

NEEDS_NOTHING = frozenset({"help", "config", "clean", "-h", "--help", "--version"})
"""Verbs that run without any environment."""

KEEPS_ENVIRONMENT = frozenset({"down", "status", "wait", "logs", "open", "reset"})
"""Verbs that look or stop: they take the environment as it is, so that a stack from before a change of the
lock can still be looked at and stopped."""


def main(checkout: Path, arguments: Sequence[str]) -> int:
    """Bring the command line into being and become it.

    :param checkout: the repository.
    :param arguments: the verb and what follows it.
    :return: an exit code, when something went wrong.
    """
    narrator = Narrator()
    try:
        if not interpreters.look_at(sys.executable).fits:
            _start_again(checkout, arguments, narrator)
        return _become_the_command_line(checkout, arguments, narrator)
    except AirflyteError as error:
        narrator.close()
        sys.stderr.write(f"airflyte: {error.message}\n")
        return 1
    except KeyboardInterrupt:
        narrator.close()
        sys.stderr.write("airflyte: interrupted\n")
        return 130


class Narrator:
    """Tells a person what the first start is doing; one moving line on a terminal, a few lines elsewhere."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._said_at = 0.0

    def say(self, text: str) -> None:
        """Show what is being done now."""
        self._said_at = time.monotonic()
        sys.stderr.write(f"\r\033[Kairflyte: {text}" if self._is_terminal else f"airflyte: {text}\n")
        sys.stderr.flush()

    def advance(self, done: float, total: float | None, text: str | None = None) -> None:
        """As :meth:`say`, with a count; what comes often is shown seldom where every line stays."""
        if self._is_terminal or time.monotonic() - self._said_at >= 5:
            count = f" ({done:.0f} of {total:.0f})" if total else ""
            self.say(f"{text or ''}{count}")

    def close(self) -> None:
        """Remove the moving line."""
        if self._is_terminal:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()


def _start_again(checkout: Path, arguments: Sequence[str], narrator: Narrator) -> NoReturn:
    """Run the bootstrap once more, with a Python that fits."""
    state = checkout / ".airflyte"

    def install() -> str | None:
        tool = uv.find_or_fetch(state, checkout, os.environ, narrator.say)
        narrator.say(f"no Python here fits; uv fetches {interpreters.INSTALLED}")
        return tool.install_python(interpreters.INSTALLED, state / "python", state / "logs" / "python.log")

    python = interpreters.find(os.environ.get("AIRFLYTE_PYTHON"), install)
    narrator.close()
    _become(python, [str(checkout / "scripts" / "bootstrap.py"), *arguments])


def _become_the_command_line(checkout: Path, arguments: Sequence[str], narrator: Narrator) -> int:
    verb = arguments[0] if arguments else "help"
    if verb in NEEDS_NOTHING:
        from airflyte import cli

        return cli.main(arguments)
    python = _environment(checkout, verb, narrator)
    narrator.close()
    # Isolated, so that nobody's PYTHONPATH and no file of the working directory gets into the command line.
    return _become(str(python), ["-I", "-m", "airflyte", *arguments])


def _environment(checkout: Path, verb: str, narrator: Narrator) -> Path:
    """The interpreter of the environment ``sandbox``, which is made or brought up to date first."""
    from airflyte import environments, settings

    loaded = settings.load(checkout, os.environ)
    ours = environments.of(loaded, os.environ, narrator.say)
    if not (verb in KEEPS_ENVIRONMENT and ours.python("sandbox").exists()):
        ours.sync("sandbox", narrator)
    return ours.python("sandbox")


def _become(python: str, arguments: Sequence[str]) -> NoReturn:
    os.execv(python, [python, *arguments])  # noqa: S606 - no shell is what we want
