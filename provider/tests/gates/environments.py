"""Scratch environments of a gate's own, made with uv from the package index; nothing of them is kept."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from email.parser import Parser
from pathlib import Path

PROVIDER = Path(__file__).parents[2]
CHECKOUT = PROVIDER.parent


def plain_environ(**more: str) -> dict[str, str]:
    """Return this process's environment without settings of its Airflow and its Python."""
    ours = ("AIRFLOW", "PYTHON", "VIRTUAL_ENV", "PYTEST", "COVERAGE")
    return {key: value for key, value in os.environ.items() if not key.startswith(ours)} | more


def run(
    *command: str | Path, environ: Mapping[str, str] | None = None, seconds: float = 900, exit_code: int = 0
) -> str:
    """Run to the end and return what was printed.

    :raises AssertionError: with the last lines of the output, when it ends with another exit code
    """
    done = subprocess.run(
        [str(word) for word in command],
        env=dict(environ or plain_environ()),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == exit_code, f"{command[:4]} ended with {done.returncode}:\n{done.stdout[-4000:]}"
    return done.stdout


def uv(*arguments: str | Path, seconds: float = 900) -> str:
    """Run uv, which the environment ``dev`` has."""
    program = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert program, "the environment dev has uv"
    return run(program, *arguments, seconds=seconds)


class Environment:
    """A virtual environment.

    :param path: a folder that does not exist yet
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        uv("venv", "--quiet", "--python", sys.executable, path)

    def bin(self, program: str) -> Path:
        return self.path / "bin" / program

    def install(self, *arguments: str | Path) -> None:
        uv("pip", "install", "--quiet", "--python", self.bin("python"), *arguments)

    def check(self) -> str:
        """Return what ``uv pip check`` says.

        :raises AssertionError: when a requirement of an installed package is not met
        """
        return uv("pip", "check", "--python", self.bin("python"))

    def version_of(self, distribution: str) -> str:
        program = f"import importlib.metadata as m; print(m.version({distribution!r}))"
        return run(self.bin("python"), "-c", program).strip()


def build_wheel(folder: Path) -> Path:
    """Build the provider's wheel and return its path."""
    uv("build", "--quiet", "--wheel", "--out-dir", folder, PROVIDER)
    (wheel,) = folder.glob("*.whl")
    return wheel


def requirements_of(wheel: Path) -> list[str]:
    """Return what the wheel needs, so that "lowest direct" counts it as asked for."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(archive.read(name).decode())
    found = metadata.get_all("Requires-Dist") or []
    return [line for line in found if "extra ==" not in line and not line.startswith("apache-airflow")]
