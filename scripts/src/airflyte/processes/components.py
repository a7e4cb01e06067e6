"""What a component is: a program that the supervisor keeps running, with its environment and its log.

Each is started through a small shell script in the state folder. So the supervisor's configuration holds no
path, no value and no secret (its syntax cannot quote ``%``, ``;`` and ``#`` everywhere), and the script shows
exactly what is run, and runs it again by hand.
"""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

COMPONENT = "AIRFLYTE_COMPONENT"
"""The environment variable that says which component a process of a stack is, or was started by."""


@dataclasses.dataclass(frozen=True)
class Component:
    """One program of the stack.

    :param name: its name for ``airflyte logs`` and in messages; letters and dashes.
    :param command: program and arguments; the program with its whole path.
    :param environment: what its environment has beside the stack's own.
    :param folder: where it runs; it must exist when the component starts.
    :param port: the port it listens on, or None.
    :param stop_signal: what ends it politely, without ``SIG``.
    :param steady_seconds: one that ends sooner counts as a failed start; after four of these it is given up.
    """

    name: str
    command: Sequence[str]
    folder: Path
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    port: int | None = None
    stop_signal: str = "TERM"
    steady_seconds: int = 2

    @property
    def script_name(self) -> str:
        return f"{self.name}.sh"

    def script(self) -> str:
        """The shell script that becomes this program."""
        variables = {**self.environment, COMPONENT: self.name}
        exports = [f"export {name}={shlex.quote(value)}" for name, value in sorted(variables.items())]
        lines = [
            "#!/bin/sh",
            f"# Written by airflyte: how {self.name} is started.",
            f"cd {shlex.quote(str(self.folder))} || exit 1",
            *exports,
            f"exec {shlex.join(self.command)}",
        ]
        return "\n".join(lines) + "\n"
