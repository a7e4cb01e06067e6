"""What the tests of the command line share: a checkout of their own, and other processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airflyte import settings

SOURCE = Path(settings.__file__).resolve().parents[1]
"""The folder to put on PYTHONPATH of a process that runs our code."""

Spawn = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """An empty checkout in a folder with a difficult name."""
    folder = tmp_path / "air flyte ü"
    folder.mkdir()
    return folder


@pytest.fixture
def spawn() -> Iterator[Spawn]:
    """Starts Python code in processes of its own, which end with the test at the latest."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str, *arguments: object, **variables: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": str(SOURCE), **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
