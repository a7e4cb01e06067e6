"""A stack of a checkout: brought up, looked at and stopped through make, as its user does."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path

import psutil

from .airflow import Airflow
from .checkout import Checkout, Made, run
from .flyte import Flyte
from .processes import free_offset, is_listening, marked_processes, parent_of, still_alive

PORTS = {"airflow": 8080, "flyte": 30080, "s3": 30002, "postgres": 30001}
"""The documented ones; a stack's are all shifted by its offset."""


class Stack:
    """A stack on ports of its own.

    :param has_airflow: else it is brought up with ``AIRFLYTE_AIRFLOW=none``.
    :param avoiding: the offset of another stack that is not up yet.
    """

    def __init__(self, checkout: Checkout, *, has_airflow: bool = True, avoiding: int | None = None) -> None:
        self.checkout = checkout
        self.has_airflow = has_airflow
        self.offset = self._remembered_offset() or free_offset(tuple(PORTS.values()), avoiding)
        names = PORTS if has_airflow else ("flyte", "s3")
        self.ports = {name: PORTS[name] + self.offset for name in names}

    # -- make ------------------------------------------------------------------------------------------------

    def up(self, **variables: str) -> Made:
        """``make up``, which must go well."""
        return self.try_up(**variables).check()

    def try_up(self, **variables: str) -> Made:
        """``make up``, whatever comes of it."""
        settings = {"AIRFLYTE_PORT_OFFSET": str(self.offset), "AIRFLYTE_DEMO": "0"}
        if not self.has_airflow:
            settings["AIRFLYTE_AIRFLOW"] = "none"
        return self.checkout.make("up", **{**settings, **variables})

    def down(self, *arguments: str) -> Made:
        """``make down``, which must go well, and of what ran before nothing may be left."""
        before = self.processes
        made = self.checkout.make("down", *arguments).check()
        # Asked one by one: a process that has lost its parent may hide its mark from an ordinary user.
        assert not still_alive(before), made.output
        return made

    def status(self) -> dict[str, object]:
        """``make status``, for scripts."""
        # Of a stack that is not ready, make says after the answer that the verb "failed".
        found, _ = json.JSONDecoder().raw_decode(self.checkout.make("status", "--json").output)
        return dict(found)

    @property
    def is_ready(self) -> bool:
        """Whether ``make status`` says so."""
        return self.is_known and self.checkout.make("status", "--json").code == 0

    def ensure_up(self) -> None:
        """Bring it up, unless all its ports are open; whether it is healthy is for stories to tell."""
        if self.open_ports != list(self.ports.values()):
            self.up()

    @cached_property
    def shell_environment(self) -> dict[str, str]:
        """What ``make shell`` sets."""
        output = self.checkout.make("shell", "env", "--null").check().output
        return dict(entry.split("=", 1) for entry in output.split("\0") if "=" in entry)

    def type_in_shell(self, *line: str, folder: Path, **variables: str) -> Made:
        """Type a command in the shell that ``make shell`` opens.

        :param folder: where it is typed.
        """
        return run(line, folder, {**self.shell_environment, **variables})

    # -- what it left on the machine -------------------------------------------------------------------------

    @property
    def is_known(self) -> bool:
        """Whether there ever was a stack in this checkout."""
        return (self.checkout.path / ".airflyte" / "stack.json").exists()

    @property
    def id(self) -> str:
        """The mark of its processes."""
        return str(self._read("stack.json")["stack_id"])

    @property
    def processes(self) -> dict[psutil.Process, str]:
        """Its living processes with their command lines."""
        return marked_processes(self.id) if self.is_known else {}

    @property
    def tops(self) -> list[str]:
        """Command lines of the supervisor, of its components, and of what else has no parent in the stack."""
        processes = self.processes
        supervisors = {process for process, command in processes.items() if "supervisord" in command}
        return [
            command
            for process, command in processes.items()
            if (parent := parent_of(process)) in supervisors or parent not in processes
        ]

    @property
    def open_ports(self) -> list[int]:
        """Which of its ports somebody listens on."""
        return [port for port in self.ports.values() if is_listening(port)]

    def process_of(self, component: str) -> psutil.Process:
        """The process of a component, as ``make status`` says."""
        components = self.status()["components"]
        assert isinstance(components, list)
        return psutil.Process(next(each["pid"] for each in components if each["name"] == component))

    def log(self, component: str) -> str:
        """A component's log."""
        path = self.checkout.path / ".airflyte" / "logs" / f"{component}.log"
        return path.read_text(errors="replace")

    # -- its doors -------------------------------------------------------------------------------------------

    @property
    def airflow(self) -> Airflow:
        """A client of its Airflow, logged in as its user."""
        return Airflow(self.ports["airflow"], "admin", str(self._read("secrets.json")["airflow_password"]))

    @property
    def flyte(self) -> Flyte:
        """A client of its Flyte."""
        return Flyte(self.ports["flyte"])

    def _remembered_offset(self) -> int | None:
        """That of a stack which an earlier run of the stories has left."""
        found = self._read("stack.json")["port_offset"] if self.is_known else None
        return None if found is None else int(str(found))

    def _read(self, name: str) -> dict[str, object]:
        found: dict[str, object] = json.loads((self.checkout.path / ".airflyte" / name).read_text())
        return found
