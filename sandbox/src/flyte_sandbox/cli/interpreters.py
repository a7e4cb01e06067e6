"""Finds the Python of the project that the sandbox is started in: its environment is the tasks' image."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path


def find_interpreter(project: Path, environ: Mapping[str, str]) -> Path:
    """The first that can import flytekit, of: VIRTUAL_ENV, ``.venv``, uv's, poetry's, this one.

    :return: an absolute path; where none has flytekit, the first that exists, and the log of a task says
        the rest.
    """
    candidates = [path for path in _candidates(project, environ) if path.exists()]
    return next((path for path in candidates if has_flytekit(path)), candidates[0])


def find_uv(given: Path | None) -> Path | None:
    """uv as given if it is there, else from PATH, else beside this interpreter; None where there is none."""
    paths = [str(given.parent) if given else "", os.environ.get("PATH", ""), str(Path(sys.executable).parent)]
    found = next((path for folder in paths if folder and (path := shutil.which("uv", path=folder))), None)
    return Path(found).absolute() if found else None


def _candidates(project: Path, environ: Mapping[str, str]) -> Iterator[Path]:
    if environ.get("VIRTUAL_ENV"):
        yield Path(environ["VIRTUAL_ENV"]) / "bin/python"
    yield project / ".venv/bin/python"
    if environ.get("UV_PROJECT_ENVIRONMENT"):
        yield project / environ["UV_PROJECT_ENVIRONMENT"] / "bin/python"
    yield from _poetry(project)
    yield Path(sys.executable)


def _poetry(project: Path) -> Iterator[Path]:
    poetry = shutil.which("poetry")
    if poetry is None or not (project / "poetry.lock").exists():
        return
    found = subprocess.run(
        [poetry, "env", "info", "--executable"], cwd=project, capture_output=True, text=True, check=False
    )
    if found.returncode == 0 and found.stdout.strip():
        yield Path(found.stdout.strip())


def has_flytekit(interpreter: Path) -> bool:
    look = "import importlib.util, sys; sys.exit(importlib.util.find_spec('flytekit') is None)"
    return subprocess.run([interpreter, "-c", look], check=False, capture_output=True).returncode == 0
