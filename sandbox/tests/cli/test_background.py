"""``up``, ``status``, ``logs`` and ``down`` in a foreign project."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from flyteidl.admin import execution_pb2
from flyteidl.service import admin_pb2_grpc

from ..durability.conftest import marked
from ..scheduler.plans import cron, requests
from ..waiting import eventually


class Command:
    """:param folder: the project in which the command is typed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = free_port(), free_port()

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "flyte_sandbox", *arguments]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)

    def up(self, *more: str) -> subprocess.CompletedProcess[str]:
        port, s3_port = (str(number) for number in self.ports)
        return self("up", "--port", port, "--s3-port", s3_port, "--python", sys.executable, *more)

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


def test_the_card_says_who_runs_tasks_and_how_clients_get_here(command: Command) -> None:
    lines = command.up().stdout.splitlines()
    assert f"Tasks      run with {shlex.quote(sys.executable)}" in lines
    address = f"FLYTE_PLATFORM_URL=localhost:{command.ports[0]}"
    assert f"Clients    export {address} FLYTE_PLATFORM_INSECURE=true FLYTECTL_CONFIG=" in lines
    again = command.up().stdout.splitlines()
    assert again == ["flyte-sandbox was up already", *lines]


def test_up_on_another_port_than_the_one_that_it_has_is_refused(command: Command) -> None:
    command.up()
    done = command("up", "--port", str(free_port()))
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"flyte-sandbox: This sandbox runs already, and its --port is {command.ports[0]}, not"
    )


def test_two_at_once_start_one(command: Command) -> None:
    port, s3_port = (str(number) for number in command.ports)
    words = [sys.executable, "-m", "flyte_sandbox", "up", "--port", port, "--s3-port", s3_port]
    words += ["--python", sys.executable]
    both = [subprocess.Popen(words, cwd=command.folder, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [one.wait(60) for one in both] == [0, 0]
    assert sum("serve" in process.cmdline() for process in marked(command.mark)) == 1


def test_when_the_server_does_not_come_up_nothing_is_left(command: Command) -> None:
    ports = [str(number) for number in command.ports]
    words = ("up", "--port", ports[0], "--s3-port", ports[1], "--python", sys.executable)
    done = command(*words, "--database-url", "nonsense://")
    assert done.returncode == 1
    assert done.stderr.startswith("flyte-sandbox: serve did not come up. The end of ")
    assert "nonsense" in done.stderr
    assert marked(command.mark) == []
    assert command("status").returncode == 3


def test_an_interpreter_without_flytekit_is_said_to_have_none(command: Command) -> None:
    venv.create(command.folder / "bare", symlinks=True)
    bare = command.folder / "bare" / "bin" / "python"
    port, s3_port = (str(number) for number in command.ports)
    done = command("up", "--port", port, "--s3-port", s3_port, "--python", str(bare))
    assert done.returncode == 0
    assert done.stderr.startswith(f"flyte-sandbox: {bare} has no flytekit, so tasks will fail")


def test_down_says_what_goes_on_later_and_can_wait_for_it(command: Command) -> None:
    def launch(seconds: int) -> None:
        task, workflow, plan = requests("flytesnacks", f"sleeps-{seconds}", cron("@yearly"), seconds=seconds)
        with grpc.insecure_channel(f"localhost:{command.ports[0]}") as channel:
            admin = admin_pb2_grpc.AdminServiceStub(channel)
            admin.CreateTask(task)
            admin.CreateWorkflow(workflow)
            admin.CreateLaunchPlan(plan)
            spec = execution_pb2.ExecutionSpec(launch_plan=plan.id)
            admin.CreateExecution(
                execution_pb2.ExecutionCreateRequest(project="flytesnacks", domain="development", spec=spec)
            )

    command.up()
    launch(1)
    assert command("down", "--wait").stdout == "waiting for 1 execution to end\nflyte-sandbox is down\n"
    command.up()
    launch(600)
    assert command("down").stdout.splitlines() == [
        "flyte-sandbox is down",
        "1 execution goes on with the next: flyte-sandbox up",
    ]
    assert command("down").stdout.startswith("flyte-sandbox was not running\n")


def test_a_state_folder_that_cannot_be_made_is_refused_in_a_sentence(command: Command) -> None:
    (command.folder / "file").write_text("")
    done = command("up", "--state", "file/state")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "cannot be made (Not a directory); name another with --state" in done.stderr


def test_without_a_verb_it_helps(command: Command) -> None:
    done = command()
    assert done.returncode == 2
    assert "start both in the background" in done.stdout


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
