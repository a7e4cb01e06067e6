"""``up`` ends with a card, or with a reason and nothing left behind."""

from __future__ import annotations

import dataclasses
import io
import os
import signal
import socket
from collections.abc import Callable, Iterator

import pytest

from airflyte import bringing_up, ports
from airflyte.bringing_up import BringUp
from airflyte.errors import AirflyteError
from airflyte.processes import marks
from airflyte.readiness.doors import Door
from airflyte.settings import Settings
from airflyte.stack import launch
from airflyte.stack.parts import Stack
from airflyte.state import MARK


class MadeEnvironments:
    def sync(self, name: str, progress: object) -> bool:
        return False


@pytest.fixture(autouse=True)
def _only_what_is_tested(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Environments are there, the machine is healthy, workflows are registered, one door is enough."""
    monkeypatch.delenv(MARK, raising=False)
    monkeypatch.setattr(bringing_up.environments, "of", lambda *_: MadeEnvironments())
    monkeypatch.setattr(bringing_up.doctor, "preflight", lambda *_: [])
    monkeypatch.setattr(bringing_up, "register", lambda *_: "all workflows")
    monkeypatch.setattr(bringing_up.doors, "flyte_doors", lambda stack: [_door(stack)])
    yield
    os.environ.pop(MARK, None)  # up sets it for the processes that it starts


def _door(stack: Stack, call: Callable[[], object] | None = None) -> Door:
    port = stack.settings.ports.flyte

    def connect() -> None:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()

    return Door("Flyte's gRPC", "flyte", port, call or connect)


def up(settings: Settings) -> str:
    output = io.StringIO()
    try:
        assert BringUp(settings, {"PATH": os.environ["PATH"]}, output).run() == 0
    finally:
        print(output.getvalue())  # noqa: T201 - shown by pytest when a test fails
    return output.getvalue()


def pids(stack: Stack) -> set[int]:
    return {process.pid for process in marks.find_marked(stack.id)}


def test_it_ends_with_the_card_and_a_repeat_changes_nothing(stack: Stack) -> None:
    first = up(stack.settings)
    before = pids(stack)
    second = up(stack.settings)
    assert pids(stack) == before
    for text in (first, second):
        assert f"localhost:{stack.settings.ports.flyte}" in text
        assert text.splitlines()[-1].split()[:3] == ["Next", "make", "register"]
    assert [line.split()[1] for line in first.splitlines()[:4]] == ["doctor", "packages", "flyte", "register"]


def test_a_door_that_stays_closed_is_explained_and_everything_is_stopped(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> None:
        raise ConnectionError("not today")

    monkeypatch.setattr(bringing_up.doors, "flyte_doors", lambda stack: [_door(stack, refuse)])
    with pytest.raises(AirflyteError, match="No answer from Flyte's gRPC within 1 seconds: not today"):
        up(dataclasses.replace(stack.settings, flyte_ready_seconds=1))
    printed = capsys.readouterr().out
    assert "| listening on" in printed, "the end of the component's log"
    assert "Stopping what was started" in printed
    assert pids(stack) == set()
    assert ports.holders(ports.needed(stack.settings)) == []


def test_what_was_started_can_be_kept(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise ConnectionError("not today")

    monkeypatch.setattr(bringing_up.doors, "flyte_doors", lambda stack: [_door(stack, refuse)])
    with pytest.raises(AirflyteError):
        up(dataclasses.replace(stack.settings, flyte_ready_seconds=1, keep=True))
    assert launch.is_running(stack)


def test_an_interruption_stops_what_was_started_but_not_what_ran_before(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGINT)
    doors = bringing_up.doors.flyte_doors
    monkeypatch.setattr(bringing_up.doors, "flyte_doors", lambda stack: [_door(stack, interrupt)])
    with pytest.raises(KeyboardInterrupt):
        up(stack.settings)
    assert pids(stack) == set()
    assert signal.getsignal(signal.SIGINT) == before
    monkeypatch.setattr(bringing_up.doors, "flyte_doors", doors)
    up(stack.settings)
    running = pids(stack)
    monkeypatch.setattr(bringing_up.doors, "flyte_doors", lambda stack: [_door(stack, interrupt)])
    with pytest.raises(KeyboardInterrupt):
        up(stack.settings)
    assert pids(stack) == running


def test_what_an_earlier_run_left_behind_is_ended_first(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    up(stack.settings)
    supervisor = stack.supervisor.pid()
    assert supervisor is not None
    left = pids(stack) - {supervisor}
    os.kill(supervisor, signal.SIGKILL)
    assert "Ended what an earlier run had left behind: flyte, s3." in up(stack.settings)
    assert pids(stack).isdisjoint(left)


def test_an_offset_from_the_environment_is_remembered(stack: Stack) -> None:
    offset = stack.settings.port_offset
    up(dataclasses.replace(stack.settings, origin={"port_offset": "AIRFLYTE_PORT_OFFSET"}))
    assert stack.folder.remembered_port_offset(instead_of=0) == offset
