"""Somebody else's environment: fresh, with the wheel of flyte-sandbox in it, and nothing of this checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "deploy" / "environments" / "dev.txt"


def make_environment(folder: Path, *packages: str) -> Path:
    """:param packages: what it has besides flyte-sandbox, in the versions of the lock.

    :return: its interpreter.
    """
    uv = _uv()
    wheels = folder / "wheels"
    _run(
        [uv, "build", "--wheel", "--offline", "--no-build-isolation", "-p", sys.executable, "-o", str(wheels)]
    )
    (wheel,) = wheels.glob("*.whl")
    _run([uv, "venv", "-q", "-p", os.path.realpath(sys.executable), str(folder / "venv")])
    python = folder / "venv" / "bin" / "python"
    install = [uv, "pip", "install", "-q", "-p", str(python), "-c", str(LOCK), str(wheel), *packages]
    if _done([*install, "--offline"]).returncode != 0:
        _run(install)  # the cache of a fresh machine knows what the lock names, not what an index would say
    return python


def install_editable(python: Path, project: Path) -> None:
    """:param project: has a ``pyproject.toml`` whose build backend is installed."""
    options = ["-q", "--offline", "--no-deps", "--no-build-isolation", "-p", str(python)]
    _run([_uv(), "pip", "install", *options, "-e", str(project)])


def clean_environ() -> dict[str, str]:
    """This process's variables without what leads to this checkout or its environment."""
    hidden = {"PYTHONPATH", "VIRTUAL_ENV"}
    return {name: value for name, value in os.environ.items() if name not in hidden}


def _uv() -> str:
    found = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert found, "the environment dev has uv"
    return found


def _run(command: Sequence[str]) -> None:
    done = _done(command)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def _done(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=ROOT / "sandbox", capture_output=True, text=True, check=False, env=clean_environ()
    )
