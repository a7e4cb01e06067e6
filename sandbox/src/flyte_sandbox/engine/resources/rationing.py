"""What each attempt may have of this machine, by the mode in the settings."""

from __future__ import annotations

from collections.abc import Callable

from flyte_sandbox.engine.messages import Attempt
from flyte_sandbox.engine.model import ExecutionId
from flyte_sandbox.engine.resources.claims import (
    NOTHING,
    Attributes,
    Claim,
    Demand,
    Mode,
    capacity,
    claim_of,
    clamping_notes,
    demand_of,
    refusal,
)
from flyte_sandbox.runner.machine import Machine

AttributesOf = Callable[[ExecutionId], Attributes | None]


class Rationing:
    """
    :param slots: how many attempts at once at most; 0 leaves it to the mode.
    :param attributes_of: the matchable task resources that applied when an execution was launched.
    """

    def __init__(
        self,
        machine: Machine,
        mode: Mode = "clamp",
        slots: int = 0,
        attributes_of: AttributesOf = lambda id: None,
    ) -> None:
        self._machine = machine
        self._mode: Mode = mode
        self._slots = slots
        self._attributes_of = attributes_of

    @property
    def capacity(self) -> Claim:
        return capacity(self._machine, self._mode, self._slots)

    @property
    def tells_who_waits(self) -> bool:
        """Whether waiting is a phase of its own, as on a cluster."""
        return self._mode == "enforce"

    def claim(self, attempt: Attempt) -> Claim:
        """:raises ValueError: a quantity does not parse."""
        if attempt.task.metadata.is_eager:
            return NOTHING
        if self._mode == "off":  # not even looked at
            return Claim(attempts=1)
        return claim_of(self._demand(attempt), self._machine, self._mode)

    def refusal(self, attempt: Attempt) -> str | None:
        """Why it will never be run here.

        :raises ValueError: a quantity does not parse.
        """
        return refusal(self._demand(attempt), self._machine) if self._mode == "enforce" else None

    def memory_limit_bytes(self, attempt: Attempt) -> int | None:
        """What its processes may use together before they are ended; None: whatever they want."""
        return self._demand(attempt).memory_limit_bytes if self._mode == "enforce" else None

    def notes(self, attempt: Attempt) -> list[str]:
        """What it asked for and ran without."""
        return clamping_notes(self._demand(attempt), self._machine)

    def _demand(self, attempt: Attempt) -> Demand:
        attributes = self._attributes_of(attempt.execution)
        return demand_of(attempt.task.container.resources, attempt.overrides.resources, attributes)
