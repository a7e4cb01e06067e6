"""A fake Flyte, a small source root, and the program on it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflyte.registration.launcher import PROGRAM

# Modules beside the tests are imported by their own names; pytest's importlib mode adds no folder for them.
sys.path.insert(0, str(Path(__file__).parent))
from fake_flyte import FakeFlyte, running_flyte
from program_run import FILES, Outcome, Register


@pytest.fixture
def flyte() -> Iterator[FakeFlyte]:
    with running_flyte() as running:
        yield running


@pytest.fixture
def source_root(tmp_path: Path) -> Path:
    """A source root with one package, a table, a test and a README."""
    root = tmp_path / "my workflows"
    for name, content in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def of_uv() -> dict[str, str]:
    """Where packages come from on this machine, for the environments that an ImageSpec asks for."""
    named = ("UV_", "SSL_CERT_")
    kept = {
        key: value for key, value in os.environ.items() if key.startswith(named) or "_PROXY" in key.upper()
    }
    return {"UV_CACHE_DIR": str(Path.home() / ".cache" / "uv"), **kept}


@pytest.fixture
def register(flyte: FakeFlyte, source_root: Path, home: Path, tmp_path: Path) -> Register:
    """Runs the program; arguments are added to the usual ones, ``root`` and ``environ`` replace theirs."""

    def run(*arguments: object, root: Path = source_root, environ: dict[str, str] | None = None) -> Outcome:
        where = (
            [] if {"--config", "--endpoint"} & set(arguments) or environ else ["--endpoint", flyte.address]
        )
        result = subprocess.run(
            [sys.executable, "-I", "-B", str(PROGRAM), str(root), *where, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env={
                **of_uv(),
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "HOME": str(home),
                "TMPDIR": str(tmp_path),
                **(environ or {}),
            },
        )
        events = [json.loads(line) for line in result.stdout.splitlines()]
        return Outcome(result.returncode, events, result.stderr)

    return run
