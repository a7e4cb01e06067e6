"""``airflyte shell``: a shell in which pyflyte, airflow and airflyte mean this stack."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from airflyte.errors import AirflyteError
from airflyte.settings import Settings
from airflyte.state import MARK

HELP = "a shell, or `airflyte shell COMMAND …`, with pyflyte, airflow and airflyte set for this stack"

ON_PATH = ("workflows", "airflow", "sandbox")
"""The environments whose programs the shell finds; ``python`` is that of the first."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """A command instead of a shell."""
    parser.add_argument("command", nargs=argparse.REMAINDER, help="run this instead of a shell")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Become the shell.

    :raises AirflyteError: when the environments or the command are missing.
    """
    variables = environment(settings, os.environ)
    command = args.command or [_shell(os.environ)]
    program = shutil.which(command[0], path=variables["PATH"])
    if program is None:
        raise AirflyteError(
            f"There is no command {command[0]} in the environments of this stack; type make up."
        )
    if not args.command:
        sys.stderr.write(f"A shell for the stack in {settings.checkout}; exit leaves it.\n")
    sys.stdout.flush()
    os.execve(program, command, variables)  # noqa: S606 - it is the user's own shell


def environment(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment, pointed at this stack and freed of other Python environments."""
    from airflyte import flyte_config

    folders = [settings.folder.environments / name / "bin" for name in ON_PATH]
    if not folders[0].is_dir():
        raise AirflyteError("The environments of this stack are not made yet; type make up, or make setup.")
    left_out = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "CONDA_PREFIX", MARK)
    kept = {name: value for name, value in environ.items() if name not in left_out}
    return {
        **kept,
        "PATH": os.pathsep.join([*map(str, folders), environ.get("PATH") or os.defpath]),
        flyte_config.VARIABLE: str(flyte_config.write(settings)),
        "AIRFLOW_HOME": str(settings.folder.airflow_home),
    }


def _shell(environ: Mapping[str, str]) -> str:
    candidates = (environ.get("SHELL"), "/bin/bash", "/bin/sh")
    return next(path for path in candidates if path and Path(path).exists())
