"""Every wait has a name, a limit, and a reason when it ends badly."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from airflyte.airflow.rest import AirflowApiError
from airflyte.errors import AirflyteError
from airflyte.processes.supervisord import ComponentState, Supervisor
from airflyte.readiness import waiting
from airflyte.readiness.doors import Door
from airflyte.readiness.waiting import Gate

from .conftest import Listen


class Said:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)

    def advance(self, done: float, total: float | None, text: str | None = None) -> None:
        self.lines.append(f"{done} of {total}: {text}")


def closed_for(looks: int, error: Exception) -> Callable[[], object]:
    """A door that is closed for a number of looks."""
    left = iter(range(looks))

    def call() -> None:
        if next(left, None) is not None:
            raise error

    return call


@pytest.fixture
def gate(tmp_path: Path, stack_id: str) -> Gate:
    return Gate(Supervisor(tmp_path / "run", tmp_path / "logs"), stack_id, time.time())


def test_doors_are_waited_for_one_after_the_other_by_name(gate: Gate) -> None:
    said = Said()
    doors = [
        Door("the first door", "one", None, closed_for(2, ConnectionRefusedError("not yet"))),
        Door("the second door", "two", None, closed_for(1, AirflowApiError(503, "not yet"))),
    ]
    gate.wait(doors, said, 10)
    assert said.lines == ["0 of 2: waiting for the first door", "1 of 2: waiting for the second door"]


def test_a_door_that_stays_closed_is_named_with_reason_and_log(gate: Gate) -> None:
    door = Door("Flyte's gRPC", "flyte", None, closed_for(1000, ConnectionError("UNAVAILABLE: no")))
    with pytest.raises(AirflyteError) as raised:
        gate.wait([door], Said(), 0.1)
    assert raised.value.message == "No answer from Flyte's gRPC within 0 seconds: UNAVAILABLE: no"
    assert raised.value.log == gate.supervisor.log_of("flyte")
    assert raised.value.command == "make logs ARGS=flyte"


def test_an_answer_of_another_process_does_not_open_a_door(gate: Gate, stack_id: str, listen: Listen) -> None:
    port = listen("another-stack")
    door = Door("Flyte's HTTP", "flyte", port, lambda: None)
    reason = gate.look(door)
    assert reason is not None
    assert "not of this stack" in reason
    assert gate.look(Door("Flyte's HTTP", "flyte", listen(stack_id), lambda: None)) is None


def test_a_component_that_was_given_up_ends_the_wait_at_once(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = {"name": "flyte", "statename": "FATAL", "pid": 0, "start": 0, "description": "", "spawnerr": ""}
    monkeypatch.setattr(gate.supervisor, "states", lambda: {"flyte": ComponentState(info)})
    monkeypatch.setattr(waiting, "STATE_SECONDS", 0.0)
    door = Door("Flyte's gRPC", "flyte", None, closed_for(10**9, ConnectionError("no")))
    with pytest.raises(AirflyteError, match="flyte ended again and again right after its start"):
        gate.wait([door], Said(), 60)


def test_a_mistake_of_ours_is_not_taken_for_a_closed_door(gate: Gate) -> None:
    with pytest.raises(KeyError):
        gate.look(Door("a door", "one", None, closed_for(1, KeyError("oops"))))
