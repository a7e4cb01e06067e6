"""A stack is started once, whatever happened to the last one, and never beside somebody else's ports."""

from __future__ import annotations

import dataclasses
import os
import signal
import socket
import time
from collections.abc import Callable

import pytest

from airflyte import ports
from airflyte.errors import AirflyteError
from airflyte.processes import marks, stopping
from airflyte.stack import launch, record
from airflyte.stack.parts import STOP_ORDER, Stack


def eventually(true: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


def bring_up(stack: Stack, environ: dict[str, str]) -> launch.Launched:
    launched = launch.launch(stack, environ, str)
    launch.start_flyte(stack)
    eventually(lambda: len(ports.holders(ports.needed(stack.settings))) == 2)
    return launched


def pids(stack: Stack) -> set[int]:
    return {process.pid for process in marks.find_marked(stack.id)}


def test_a_second_launch_finds_what_runs(stack: Stack, environ: dict[str, str]) -> None:
    first = bring_up(stack, environ)
    before = pids(stack)
    second = bring_up(stack, environ)
    assert (first.is_new, second.is_new) == (True, False)
    assert pids(stack) == before
    assert second.gate.started_at == first.gate.started_at


def test_other_settings_replace_what_runs(stack: Stack, environ: dict[str, str]) -> None:
    bring_up(stack, environ)
    before = pids(stack)
    changed = Stack(dataclasses.replace(stack.settings, flyte_warm=False))
    assert bring_up(changed, environ).is_new
    assert pids(changed).isdisjoint(before)


def test_a_launch_after_the_supervisor_was_killed_doubles_nothing(
    stack: Stack, environ: dict[str, str]
) -> None:
    bring_up(stack, environ)
    before = pids(stack)
    supervisor = stack.supervisor.pid()
    assert supervisor is not None
    os.kill(supervisor, signal.SIGKILL)
    eventually(lambda: not launch.is_running(stack))
    assert stopping.end_orphans(stack.supervisor, stack.id, STOP_ORDER) == ["flyte", "s3"]
    assert bring_up(stack, environ).is_new
    assert pids(stack).isdisjoint(before)
    assert len(pids(stack)) == len(before)


def test_a_busy_port_stops_it_before_anything_has_started(stack: Stack, environ: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", stack.settings.ports.s3)), pytest.raises(AirflyteError) as raised:
        launch.launch(stack, environ, str)
    message = raised.value.message
    assert f"port {stack.settings.ports.s3} (s3)".lower() in message.lower()
    assert str(os.getpid()) in message
    assert "AIRFLYTE_PORT_OFFSET=" in message
    assert pids(stack) == set()
    assert record.read(stack.folder) is None


def test_a_port_of_another_stack_is_named_with_its_folder(
    stack: Stack, environ: dict[str, str], tmp_path: object
) -> None:
    bring_up(stack, environ)
    other = dataclasses.replace(stack.settings, checkout=stack.settings.checkout / "other")
    other.checkout.mkdir()
    (other.checkout / "deploy").symlink_to(stack.settings.checkout / "deploy")
    folder = other.folder.environments / "sandbox" / "bin"
    folder.mkdir(parents=True)
    (folder / "flyte-sandbox").symlink_to(stack.program("sandbox", "flyte-sandbox"))
    other.folder.prepare()
    with pytest.raises(AirflyteError) as raised:
        launch.launch(Stack(other), environ, str)
    assert f"type make down in {stack.settings.checkout}" in raised.value.message


def test_a_missing_environment_is_one_sentence(stack: Stack, environ: dict[str, str]) -> None:
    stack.program("sandbox", "flyte-sandbox").unlink()
    with pytest.raises(AirflyteError, match=r"flyte-sandbox is missing; type make setup"):
        launch.launch(stack, environ, str)
    assert pids(stack) == set()


def test_later_verbs_find_the_stack_as_it_was_started(stack: Stack, environ: dict[str, str]) -> None:
    launch.launch(stack, environ, str)
    told_nothing = dataclasses.replace(stack.settings, airflow="embedded", port_offset=0)
    found = record.running_stack(told_nothing)
    assert not found.has_airflow
    assert found.settings.ports == stack.settings.ports


def test_nothing_that_was_written_is_readable_by_others(stack: Stack, environ: dict[str, str]) -> None:
    launch.launch(stack, environ, str)
    written = [path for path in stack.folder.run.rglob("*") if path.is_file() and path.suffix != ".pid"]
    modes = {path.name: path.stat().st_mode & 0o077 for path in (*written, stack.folder.secrets)}
    assert {name: mode for name, mode in modes.items() if mode} == {}
