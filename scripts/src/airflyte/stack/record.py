"""Which stack runs now: when it was started, and from what, in a file beside the supervisor's.

So a second ``up`` knows whether what runs is what would be started, and "ready" is believed only from
processes that are younger than this start.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

from airflyte.environments import STAMP
from airflyte.processes.supervisord import CONFIG_NAME
from airflyte.stack.parts import Stack
from airflyte.state import write_json

NAME = "started.json"


@dataclasses.dataclass(frozen=True)
class Record:
    """One start of a stack.

    :param started_at: seconds since the epoch, before its first process began.
    :param signature: of everything that its processes were started from.
    """

    started_at: float
    signature: str


def write(stack: Stack, record: Record) -> None:
    """Keep the record of the start that is under way."""
    write_json(_path(stack), dataclasses.asdict(record))


def read(stack: Stack) -> Record | None:
    """The record of the last start; None when there is none that can be used."""
    try:
        return Record(**json.loads(_path(stack).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def signature(stack: Stack) -> str:
    """A hash of all that the stack's processes depend on when they start: scripts, configuration, packages.

    Source code of ours is not in it: whoever edits it types ``make down up``. The packages of tasks are not in
    it either: Flyte notices by itself when they change.
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


def _path(stack: Stack) -> Path:
    return stack.folder.run / NAME
