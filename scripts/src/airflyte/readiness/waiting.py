"""Waiting for doors: with a name for each, a clock, a limit, and the reason when it ends badly."""

from __future__ import annotations

import contextlib
import http.client
import time
import xmlrpc.client
from collections.abc import Sequence

import psutil

from airflyte.airflow.rest import AirflowApiError
from airflyte.environments import Progress
from airflyte.errors import AirflyteError
from airflyte.processes.supervisord import Supervisor
from airflyte.readiness import identity
from airflyte.readiness.doors import Door

LOOK_SECONDS = 0.05
STATE_SECONDS = 1.0
"""How often the supervisor is asked whether it has given up."""

CLOSED = (OSError, AirflowApiError, http.client.HTTPException, psutil.Error)
"""What a door's call raises while the door is closed."""


class Gate:
    """All that makes an answer count.

    :param started_at: seconds since the epoch.
    """

    def __init__(self, supervisor: Supervisor, stack_id: str, started_at: float) -> None:
        self.supervisor = supervisor
        self.stack_id = stack_id
        self.started_at = started_at
        self._known_ports: set[int] = set()
        """Those whose process has been found to be ours; it is not looked for again behind every door."""

    def look(self, door: Door) -> str | None:
        """Try a door once.

        :return: None when it is open, else why not.
        """
        try:
            door.call()
            if door.port is not None and door.port not in self._known_ports:
                identity.check(door.component, door.port, self.stack_id, self.started_at)
                self._known_ports.add(door.port)
        except CLOSED as error:
            return str(error) or type(error).__name__
        return None

    def wait(self, doors: Sequence[Door], progress: Progress, limit_seconds: float) -> None:
        """Wait until all are open, one after the other.

        :param progress: shows what is waited for.
        :raises AirflyteError: when one is not open in time, or its component was given up.
        """
        deadline = time.monotonic() + limit_seconds
        for number, door in enumerate(doors):
            progress.advance(number, len(doors), f"waiting for {door.name}")
            self._wait_for(door, deadline, limit_seconds)

    def _wait_for(self, door: Door, deadline: float, limit_seconds: float) -> None:
        looked_at_states = time.monotonic()
        while reason := self.look(door):
            now = time.monotonic()
            if now - looked_at_states > STATE_SECONDS:
                looked_at_states = now
                self._check_given_up(door)
            if now > deadline:
                raise AirflyteError(
                    f"No answer from {door.name} within {limit_seconds:.0f} seconds: {reason}",
                    log=self.supervisor.log_of(door.component),
                    command=f"make logs ARGS={door.component}",
                )
            time.sleep(LOOK_SECONDS)

    def _check_given_up(self, door: Door) -> None:
        with contextlib.suppress(OSError, http.client.HTTPException, xmlrpc.client.Error):
            state = self.supervisor.states().get(door.component)
            if state and state.is_given_up:
                raise AirflyteError(
                    f"{door.component} ended again and again right after its start.",
                    log=self.supervisor.log_of(door.component),
                    command=f"make logs ARGS={door.component}",
                )
