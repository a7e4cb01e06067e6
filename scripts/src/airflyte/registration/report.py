"""What ``program`` tells: a JSON object a line for its caller, a sentence a line for whoever watches.

| kind | fields |
|---|---|
| progress | text |
| plan | version, total: how many entity lines will follow |
| task, workflow | project, domain, name, version, result ("created" or "exists") |
| launch_plan | the same, and is_active: always true |
| done | version, created, activated: how many |
| error | message: one sentence; cause and command: what may help, or null |
"""

from __future__ import annotations

import json
from typing import TextIO

from airflyte.errors import AirflyteError
from airflyte.registration.plan import Entity


class Report:
    """Where a registration says what it does.

    :param events: gets the JSON lines.
    :param notes: gets the sentences.
    """

    def __init__(self, events: TextIO, notes: TextIO, project: str, domain: str) -> None:
        self._events = events
        self._notes = notes
        self._project = project
        self._domain = domain
        self._version = ""
        self._created = 0
        self._activated = 0

    def say(self, text: str) -> None:
        """Say what is being done."""
        self._note(text)
        self._emit("progress", text=text)

    def plan(self, version: str, total: int) -> None:
        """Say what is coming."""
        self._version = version
        self._emit("plan", version=version, total=total)

    def entity(self, entity: Entity, *, is_created: bool, is_activated: bool = False) -> None:
        """Say that an entity is registered now.

        :param is_created: False when it was there before.
        :param is_activated: for a launch plan, whether another version (or none) was active before.
        """
        self._created += is_created
        self._activated += is_activated
        extra = {"is_active": True} if entity.kind == "launch_plan" else {}
        self._emit(
            entity.kind,
            project=self._project,
            domain=self._domain,
            name=entity.name,
            version=self._version,
            result="created" if is_created else "exists",
            **extra,
        )

    def done(self) -> None:
        """Say that everything is registered and active."""
        changes = f"{self._created} created, {self._activated} launch plans activated"
        self._note(f"Version {self._version}: {changes if self._created + self._activated else 'unchanged'}.")
        self._emit("done", version=self._version, created=self._created, activated=self._activated)

    def fail(self, error: AirflyteError) -> None:
        """Say why nothing more will come."""
        self._note(error.message)
        self._emit("error", message=error.message, cause=error.cause, command=error.command)

    def _emit(self, kind: str, **fields: object) -> None:
        self._events.write(json.dumps({"kind": kind, **fields}, ensure_ascii=False) + "\n")
        self._events.flush()

    def _note(self, text: str) -> None:
        self._notes.write(text + "\n")
        self._notes.flush()
