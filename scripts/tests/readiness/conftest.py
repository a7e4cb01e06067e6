"""Processes with a stack's mark that listen on a port, and a stack id whose processes end with the test."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from airflyte.processes import marks
from airflyte.state import MARK

LISTEN = """
import socket
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
server.accept()
"""

Listen = Callable[[str], int]


@pytest.fixture
def stack_id() -> Iterator[str]:
    stack_id = f"test-{secrets.token_hex(8)}"
    yield stack_id
    marks.end_marked(stack_id, grace_seconds=0)


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Starts a process with a mark that listens; returns the port."""
    started: list[subprocess.Popen[str]] = []

    def start(mark: str) -> int:
        process = subprocess.Popen(
            [sys.executable, "-c", LISTEN],
            env={**os.environ, MARK: mark},
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        return int(process.stdout.readline())

    yield start
    for process in started:
        process.kill()
        process.communicate()
