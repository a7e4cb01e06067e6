"""A running server for each test, and a look at every process that carries its mark."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from .server import Server


@pytest.fixture
def options() -> list[str]:
    """More of the server's command line; for modules to override."""
    return []


@pytest.fixture
def server(tmp_path: Path, options: list[str]) -> Iterator[Server]:
    """A running server; whatever carries its mark is ended with it."""
    yield from _run(tmp_path, options)


@pytest.fixture(scope="session")
def standing_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all tests that neither stop nor kill it."""
    yield from _run(tmp_path_factory.mktemp("standing"), [])


def _run(folder: Path, options: list[str]) -> Iterator[Server]:
    server = Server(folder / "state", f"test-{uuid.uuid4().hex}", options)
    server.start()
    yield server
    end(server)


def end(server: Server) -> None:
    server.stop()
    for process in marked(server.mark):
        os.kill(process.pid, signal.SIGKILL)


def marked(mark: str) -> list[psutil.Process]:
    """Every living process that carries the mark."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and process.environ().get("AIRFLYTE_STACK") == mark:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found
