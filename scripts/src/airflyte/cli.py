"""The command ``airflyte``: finds the verb, loads the settings, and turns errors into exit codes.

It knows no verb: each is a module of :mod:`airflyte.verbs`, found by its name.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import os
import pkgutil
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, cast

from airflyte import __version__, settings, verbs
from airflyte.errors import AirflyteError
from airflyte.steps import explanation

CHECKOUT = Path(__file__).resolve().parents[3]
"""The repository: this package is only ever installed editable, from it."""

# What a newcomer needs first comes first in the help; verbs that are not named here follow by name.
_ORDER = (
    *("up", "status", "wait", "logs", "down", "reset"),
    *("demo", "register", "open", "shell", "doctor", "config"),
    *("check", "test", "test-all", "e2e", "bench", "format", "lock", "setup", "clean", "help"),
)


class Verb(Protocol):
    """What a module of :mod:`airflyte.verbs` has."""

    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, args: argparse.Namespace, settings: settings.Settings) -> int: ...


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb.

    :param arguments: as on the command line, without the program's name.
    :return: the exit code: 0, 1 for what could not be done, 2 for a command that makes no sense.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    _write_any_character()
    try:
        return _run(arguments)
    except AirflyteError as error:
        _show(error)
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("airflyte: interrupted\n")
        return 130
    except BrokenPipeError:
        # The reader of our output has gone (airflyte logs | head); Python must not complain at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 - one sentence for the user, the traceback for whoever helps
        return _unexpected(error, arguments)


def names() -> list[str]:
    """All verbs, in the order of the help."""
    found = {module.name.replace("_", "-") for module in pkgutil.iter_modules(verbs.__path__)}
    return [verb for verb in _ORDER if verb in found] + sorted(found.difference(_ORDER))


def load(name: str) -> Verb:
    """The module of a verb."""
    return cast(Verb, importlib.import_module(f"airflyte.verbs.{name.replace('-', '_')}"))


def help_line(name: str) -> str:
    """A verb's ``HELP``, read from its source: importing it may need what is not installed yet."""
    source = Path(verbs.__path__[0], f"{name.replace('-', '_')}.py").read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "HELP":
            return str(ast.literal_eval(node.value))
    return ""


def _run(arguments: list[str]) -> int:
    if arguments[:1] == ["--version"]:
        sys.stdout.write(f"airflyte {__version__}\n")
        return 0
    name = "help" if not arguments or arguments[0] in ("-h", "--help") else arguments[0]
    if name not in names():
        raise AirflyteError(f"There is no verb {name!r}; the verbs are {', '.join(names())}.")
    verb = load(name)
    parser = argparse.ArgumentParser(prog=f"airflyte {name}", description=verb.HELP)
    verb.add_arguments(parser)
    args = parser.parse_args(arguments[1:])
    return verb.run(args, settings.load(CHECKOUT, os.environ))


def _show(error: AirflyteError) -> None:
    if error.is_shown:
        return
    lines = [f"airflyte: {error.message}", *(f"  {line}" for line in explanation(error))]
    sys.stderr.write("\n".join(lines) + "\n")


def _unexpected(error: Exception, arguments: list[str]) -> int:
    log = CHECKOUT / settings.STATE_NAME / "logs" / "airflyte.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as file:
        file.write(f"airflyte {' '.join(arguments)}\n{''.join(traceback.format_exception(error))}\n")
    sys.stderr.write(
        f"airflyte: {arguments[:1]} failed in a way that nobody foresaw: {type(error).__name__}: {error}. "
        f"The traceback is in {log}.\n"
    )
    return 1


def _write_any_character() -> None:
    """A terminal of another encoding shows a mark for a character it lacks, instead of a traceback."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(errors="replace")
