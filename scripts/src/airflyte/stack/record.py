"""Which stack runs now: when it was started, and from what, in a file beside the supervisor's.

So a second ``up`` knows whether what runs is what would be started, and "ready" is believed only from
processes that are younger than this start.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from typing import Any

from airflyte.environments import STAMP
from airflyte.processes.supervisord import CONFIG_NAME
from airflyte.settings import Settings
from airflyte.stack.parts import Stack
from airflyte.state import StateFolder, write_json

NAME = "started.json"

KEPT = ("airflow", "port_offset", "database_url", "airflow_user", "flyte_project", "flyte_domain")
"""The settings that decide where a running stack is found and of what it consists."""


@dataclasses.dataclass(frozen=True)
class Record:
    """One start of a stack.

    :param started_at: seconds since the epoch, before its first process began.
    :param signature: of everything that its processes were started from.
    :param settings: those of :data:`KEPT`.
    """

    started_at: float
    signature: str
    settings: dict[str, Any]


def write(stack: Stack, signature: str) -> Record:
    """Record the start that is under way."""
    kept = {name: getattr(stack.settings, name) for name in KEPT}
    made = Record(time.time(), signature, kept)
    write_json(stack.folder.run / NAME, dataclasses.asdict(made))
    return made


def read(folder: StateFolder) -> Record | None:
    """The record of the last start; None when there is none that can be used."""
    try:
        return Record(**json.loads((folder.run / NAME).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def running_stack(settings: Settings) -> Stack:
    """The stack as it was started last, whatever the settings say now; as they say when none ever was.

    So ``status``, ``down`` and ``demo`` need not be told again what ``up`` was told in its environment.
    """
    found = read(settings.folder)
    kept = {name: found.settings[name] for name in KEPT if name in found.settings} if found else {}
    return Stack(dataclasses.replace(settings, **kept))


def signature(stack: Stack) -> str:
    """A hash of all that the stack's processes depend on when they start: scripts, configuration, packages.

    Source code of ours is not in it: whoever edits it types ``make down up``. The packages of tasks are not
    in it either: Flyte notices by itself when they change.
    """
    parts = [component.script() for component in stack.components()]
    parts += [path.read_text(encoding="utf-8") for path in sorted(stack.templates.glob("*.conf"))]
    if stack.has_airflow:
        parts.append(json.dumps(stack.airflow_home.config(), default=str))
    parts += [_stamp(stack, name) for name in ("airflow", "sandbox")]
    return hashlib.sha256("\0".join([CONFIG_NAME, *parts]).encode()).hexdigest()


def _stamp(stack: Stack, environment: str) -> str:
    try:
        return (stack.folder.environments / environment / STAMP).read_text(encoding="utf-8")
    except OSError:
        return ""
