"""``airflyte bench``: measure what the project promises, one JSON object a line."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from airflyte.settings import Settings

HELP = "measure what was promised; `airflyte bench sandbox.hello` measures that row or prefix"

MEASURED = ("sandbox", "workflows", "airflow")
"""The environments whose interpreters are measured."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The rows to measure."""
    parser.add_argument("name", nargs="?", default="", help="a row, or the beginning of some; all without it")


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Measure; results on standard output, everything else on standard error.

    :return: 0 when every chosen row was measured, whether or not it reached its goal.
    """
    _prepare(settings)
    sources = [str(settings.checkout / folder) for folder in ("tests", "scripts/src", "sandbox/src")]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sources)}
    command = [sys.executable, "-m", "bench", *([args.name] if args.name else [])]
    return subprocess.run(command, env=environ, check=False).returncode


def _prepare(settings: Settings) -> None:
    """Make the environments that are missing; the developers' one holds all that the others hold."""
    from airflyte import environments
    from airflyte.steps import Steps

    folder = settings.folder.environments
    missing = [name for name in MEASURED if not (folder / name / "bin" / "python").exists()]
    if not missing or (folder / "dev" / "bin" / "python").exists():
        return
    steps = Steps(len(missing), stream=sys.stderr)
    for name in missing:
        with steps.step(name) as step:
            environments.of(settings, os.environ, step.say).sync(name, step)
            step.say("made")
