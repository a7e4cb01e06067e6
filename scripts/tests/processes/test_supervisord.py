"""Components run under a real supervisord, in folders with every kind of name, and all of them end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from airflyte.processes import marks, stopping
from airflyte.processes.components import Component
from airflyte.processes.supervisord import Supervisor
from airflyte.state import MARK

TEMPLATES = Path(__file__).parents[3] / "deploy" / "supervisor"
STUBBORN = "trap '' TERM INT; setsid sleep 300 & echo up $$; while :; do sleep 300; done"


def eventually(true: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


class Stack:
    def __init__(self, folder: Path, stack_id: str, components: list[Component]) -> None:
        self.stack_id = stack_id
        self.components = components
        self.supervisor = Supervisor(folder / "run", folder / "logs")
        self.supervisor.write(components, TEMPLATES)

    def start(self) -> int:
        before = {component.name: self.log(component.name).count("up") for component in self.components}
        pid = self.supervisor.start({"PATH": os.environ["PATH"], MARK: self.stack_id})
        for component in self.components:
            self.supervisor.start_component(component.name)
        eventually(lambda: all(self.log(name).count("up") > count for name, count in before.items()))
        return pid

    def log(self, name: str) -> str:
        path = self.supervisor.log_of(name)
        return path.read_text() if path.exists() else ""

    def stop(self) -> None:
        stopping.stop(self.supervisor, self.stack_id, [[each.name] for each in self.components])

    def named(self, name: str) -> list[psutil.Process]:
        return [each for each in marks.find_marked(self.stack_id) if stopping.component_of(each) == name]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A name with all that supervisord's configuration cannot quote, and too long for a socket."""
    folder = tmp_path / ("100%s ;a #b \"c\" 'd' ü " + "x" * 80)
    folder.mkdir()
    return folder


@pytest.fixture
def make(folder: Path, stack_id: str) -> Callable[..., Stack]:
    return lambda *components: Stack(folder, stack_id, list(components))


def shell(name: str, script: str, folder: Path, **more: object) -> Component:
    return Component(name, ["/bin/sh", "-c", script], folder=folder, **more)  # type: ignore[arg-type]


def test_a_component_gets_its_folder_its_variables_and_the_mark(
    make: Callable[..., Stack], folder: Path, stack_id: str
) -> None:
    value = "%(x)s ; # $HOME 'q' \"q\""
    script = f'pwd; echo "$VALUE"; echo "${MARK}"; echo up; exec sleep 300'
    stack = make(shell("one", script, folder, environment={"VALUE": value}))
    stack.start()
    assert stack.log("one").splitlines()[:3] == [str(folder), value, stack_id]
    stack.stop()


def test_stopping_leaves_nothing_of_a_component_that_ignores_signals(
    make: Callable[..., Stack], folder: Path, stack_id: str
) -> None:
    stack = make(shell("stubborn", STUBBORN, folder))
    stack.start()
    assert len(marks.find_marked(stack_id)) >= 4, (
        "supervisor, shell, its child and one in a session of its own"
    )
    started = time.monotonic()
    stack.stop()
    assert time.monotonic() - started < 6
    assert marks.find_marked(stack_id) == set()
    assert stack.supervisor.pid() is None


def test_groups_are_stopped_in_their_order(make: Callable[..., Stack], folder: Path) -> None:
    script = "trap 'date +%s.%N; exit 0' TERM; echo up; while :; do sleep 0.05; done"
    slow = script.replace("date", "sleep 0.3; date")
    stack = make(shell("first", slow, folder), shell("last", script, folder))
    stack.start()
    stack.stop()
    ended = {name: float(stack.log(name).splitlines()[-1]) for name in ("first", "last")}
    assert ended["first"] < ended["last"]


def test_a_component_that_dies_is_started_again(make: Callable[..., Stack], folder: Path) -> None:
    stack = make(shell("one", "echo up $$; exec sleep 300", folder, steady_seconds=0))
    stack.start()
    (process,) = stack.named("one")
    process.kill()
    eventually(lambda: bool(stack.named("one")) and stack.named("one") != [process])
    stack.stop()


def test_a_component_that_cannot_start_is_given_up(make: Callable[..., Stack], folder: Path) -> None:
    stack = make(shell("broken", "echo up and down; exit 3", folder, steady_seconds=1))
    stack.start()
    eventually(lambda: stack.supervisor.states()["broken"].is_given_up, seconds=30)
    stack.stop()


def test_a_second_start_after_the_supervisor_was_killed_doubles_nothing(
    make: Callable[..., Stack], folder: Path, stack_id: str
) -> None:
    stack = make(shell("one", "setsid sleep 300 & echo up $$; exec sleep 300", folder))
    pid = stack.start()
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: stack.supervisor.pid() is None)
    before = marks.find_marked(stack_id)
    assert len(before) == 2, "the component and its child go on without a supervisor"
    ended = stopping.end_orphans(stack.supervisor, stack_id, [["one"]])
    assert ended == ["one"]
    assert marks.find_marked(stack_id) == set()
    stack.start()
    assert len(stack.named("one")) == 2
    stack.stop()


def test_what_a_living_supervisor_owns_is_no_orphan(
    make: Callable[..., Stack], folder: Path, stack_id: str
) -> None:
    stack = make(shell("one", "echo up; exec sleep 300", folder))
    stack.start()
    before = marks.find_marked(stack_id)
    assert stopping.end_orphans(stack.supervisor, stack_id, [["one"]]) == []
    assert marks.find_marked(stack_id) == before
    stack.stop()


def test_the_supervisor_says_why_it_did_not_start(make: Callable[..., Stack], folder: Path) -> None:
    from airflyte.errors import AirflyteError

    stack = make()
    (stack.supervisor.run / "supervisord.conf").write_text("[supervisord]\nlogfile=/proc/nowhere\n")
    with pytest.raises(AirflyteError, match="did not start") as raised:
        stack.supervisor.start({"PATH": os.environ["PATH"]})
    assert raised.value.log is not None
    assert "/proc/nowhere" in raised.value.log.read_text()


def test_scripts_and_configuration_are_for_their_owner_only(make: Callable[..., Stack], folder: Path) -> None:
    stack = make(shell("one", "true", folder))
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in stack.supervisor.run.iterdir()}
    assert modes == {"one.sh": "0o600", "supervisord.conf": "0o600"}
    assert oct(stack.supervisor.run.stat().st_mode & 0o777) == "0o700"
