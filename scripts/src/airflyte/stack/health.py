"""How a stack is, at one look: every component and every door, without waiting and without changing
anything.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import http.client
import time
import xmlrpc.client

from airflyte.processes import marks
from airflyte.processes.supervisord import ComponentState
from airflyte.readiness import doors
from airflyte.readiness.doors import Door
from airflyte.readiness.waiting import Gate
from airflyte.stack import record
from airflyte.stack.parts import Stack


@dataclasses.dataclass(frozen=True)
class ComponentHealth:
    """One component.

    :param phase: the supervisor's word, or "not running".
    :param seconds: how long it has been running.
    """

    name: str
    phase: str
    pid: int | None = None
    port: int | None = None
    seconds: float | None = None


@dataclasses.dataclass(frozen=True)
class DoorHealth:
    """One door.

    :param reason: why it is closed; None when it is open.
    """

    name: str
    component: str
    reason: str | None

    @property
    def is_open(self) -> bool:
        return self.reason is None


@dataclasses.dataclass(frozen=True)
class Health:
    """All of it.

    :param strays: processes of the stack that no supervisor owns.
    """

    is_running: bool
    components: list[ComponentHealth]
    doors: list[DoorHealth]
    strays: int = 0

    @property
    def is_ready(self) -> bool:
        return self.is_running and all(door.is_open for door in self.doors)

    @property
    def word(self) -> str:
        """In one word."""
        if not self.is_running:
            return "without a supervisor" if self.strays else "stopped"
        return "ready" if self.is_ready else "not ready"


def look(stack: Stack) -> Health:
    """Look at a stack.

    :raises AirflyteError: when its state folder is not ours.
    """
    components = stack.components()
    known = stack.folder.read()
    states = _states(stack) if known else None
    started = record.read(stack.folder)
    if states is None or started is None:
        strays = len(marks.find_marked(known.stack_id)) if known else 0
        return Health(False, [ComponentHealth(each.name, "not running") for each in components], [], strays)
    gate = Gate(stack.supervisor, stack.id, started.started_at)
    found = [*doors.airflow_doors(stack, started.started_at), *doors.flyte_doors(stack)]
    with concurrent.futures.ThreadPoolExecutor(max_workers=len(found)) as pool:
        healths = list(pool.map(lambda door: _look(gate, door), found))
    return Health(True, [_component(stack, states, each.name, each.port) for each in components], healths)


def _states(stack: Stack) -> dict[str, ComponentState] | None:
    try:
        return stack.supervisor.states()
    except (OSError, http.client.HTTPException, xmlrpc.client.Error):
        return None


def _look(gate: Gate, door: Door) -> DoorHealth:
    return DoorHealth(door.name, door.component, gate.look(door))


def _component(
    stack: Stack, states: dict[str, ComponentState], name: str, port: int | None
) -> ComponentHealth:
    state = states.get(name)
    if state is None:
        return ComponentHealth(name, "not running", port=port)
    seconds = time.time() - state.started_at if state.started_at else None
    # The supervisor says "starting" until it believes that a component stays; whether it answers, doors tell.
    phase = "running" if state.is_running and state.pid else state.phase.lower()
    return ComponentHealth(name, phase, state.pid, port, seconds)
