"""A stack of Flyte only, whose two programs are stand-ins that listen and nothing else."""

from __future__ import annotations

import os
import secrets
import socket
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflyte.processes import marks
from airflyte.settings import Settings
from airflyte.stack.parts import Stack

REPOSITORY = Path(__file__).parents[3]

PROGRAM = """#!/bin/sh
exec "{python}" - "$@" <<'END'
import signal, socket, sys
port = int(sys.argv[sys.argv.index("--port") + 1])
server = socket.create_server(("127.0.0.1", port))
print("listening on", port, flush=True)
signal.pause()
END
"""


def free_offset() -> int:
    """An offset at which the stack's ports are free: those above 30000 come to lie above 42000."""
    for offset in range(12000 + secrets.randbelow(100) * 20, 30000, 20):
        if all(_is_free(port + offset) for port in (8080, 30001, 30002, 30080)):
            return offset
    raise AssertionError("no free ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@pytest.fixture
def settings(checkout: Path) -> Settings:
    (checkout / "deploy").symlink_to(REPOSITORY / "deploy")
    bin_folder = checkout / ".airflyte" / "envs" / "sandbox" / "bin"
    bin_folder.mkdir(parents=True)
    program = bin_folder / "flyte-sandbox"
    program.write_text(PROGRAM.format(python=sys.executable))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return Settings(checkout, port_offset=free_offset(), airflow="none")


@pytest.fixture
def stack(settings: Settings) -> Iterator[Stack]:
    settings.folder.prepare()
    stack = Stack(settings)
    yield stack
    marks.end_marked(stack.id, grace_seconds=0.5)


@pytest.fixture
def environ() -> dict[str, str]:
    return {"PATH": os.environ["PATH"]}
