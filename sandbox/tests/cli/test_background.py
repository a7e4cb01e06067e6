"""``up``, ``status``, ``logs`` and ``down`` in a foreign project."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..durability.conftest import marked
from ..durability.server import eventually


class Command:
    """:param folder: the project in which the command is typed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = free_port(), free_port()

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "flyte_sandbox", *arguments]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)

    def up(self) -> subprocess.CompletedProcess[str]:
        port, s3_port = (str(number) for number in self.ports)
        return self("up", "--port", port, "--s3-port", s3_port, "--python", sys.executable)

    @property
    def mark(self) -> str:
        return (self.folder / ".flyte-sandbox" / "id").read_text()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    command = Command(tmp_path)
    yield command
    command("down")


def test_up_starts_server_and_s3_and_down_leaves_nothing(command: Command) -> None:
    done = command.up()
    assert done.returncode == 0, done.stderr
    assert f"localhost:{command.ports[0]}" in done.stdout
    status = json.loads(command("status", "--json").stdout)
    assert {name: part["answers"] for name, part in status["parts"].items()} == {"serve": True, "s3": True}
    done = command("down")
    assert (done.returncode, done.stdout) == (0, "flyte-sandbox is down\n")
    assert marked(command.mark) == []
    assert command("status").returncode == 3


def test_up_again_starts_nothing(command: Command) -> None:
    command.up()
    before = {process.pid for process in marked(command.mark)}
    assert command.up().returncode == 0
    assert before <= {process.pid for process in marked(command.mark)}
    assert sum("serve" in process.cmdline() for process in marked(command.mark)) == 1


def test_up_after_a_kill_brings_it_back(command: Command) -> None:
    command.up()
    pid = json.loads(command("status", "--json").stdout)["parts"]["serve"]["pid"]
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: command("status").returncode == 3)
    assert command.up().returncode == 0
    assert command("status").returncode == 0


def test_a_taken_port_is_named_with_its_holder(command: Command) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", command.ports[0]))
        other.listen()
        done = command.up()
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"Port {command.ports[0]} is taken by pid {os.getpid()}" in done.stderr
    assert "--port" in done.stderr


def test_an_interpreter_that_is_none_is_refused(command: Command) -> None:
    done = command("up", "--port", "0", "--s3-port", "0", "--python", "/nowhere/python")
    assert done.returncode == 1
    assert done.stderr == (
        "flyte-sandbox: The interpreter of environment 'default' cannot be run: /nowhere/python\n"
    )


def test_logs_without_a_server_say_what_to_do(command: Command) -> None:
    done = command("logs")
    assert done.returncode == 1
    assert "flyte-sandbox up" in done.stderr
