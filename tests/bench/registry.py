"""Every row: its name, what it measures, its unit, its goal, and the function that measures it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from . import sandbox_edit, sandbox_hello, sandbox_start
from .figures import Goal, Measurement, at_most
from .workshop import Workshop


@dataclasses.dataclass(frozen=True)
class Row:
    """:param what: in half a sentence, with the reference if there is one."""

    name: str
    what: str
    unit: str
    goal: Goal
    measure: Callable[[Workshop], Measurement]


ROWS = (
    Row(
        "sandbox.ready",
        "start of the server to its first answer",
        "s",
        Goal(at_most(0.6)),
        sandbox_start.ready,
    ),
    Row(
        "sandbox.memory",
        "PSS of the server after a few executions, templates apart",
        "MB",
        Goal(at_most(110)),
        sandbox_start.memory,
    ),
    Row(
        "sandbox.hello",
        "two-task workflow, CreateExecution to SUCCEEDED, warm, p50; reference two cold task processes",
        "s",
        Goal(at_most(0.15), at_most(0.10)),
        sandbox_hello.hello,
    ),
    Row(
        "sandbox.edit",
        "a line changed, pyflyte run --remote --wait; reference pyflyte run (local) of the same file",
        "s",
        Goal(ratio=at_most(2.0)),
        sandbox_edit.edit,
    ),
    Row(
        "sandbox.templates",
        "PSS of all template processes after 20 edited versions",
        "MB",
        Goal(at_most(300)),
        sandbox_edit.templates,
    ),
)

_NOT_YET = "its feature is not there yet"
_BEING_WRITTEN = "the measurement is not written yet"

LATER = {
    "sandbox.tasks": "map tasks are not there yet",
}
"""Rows whose feature is missing, with the reason."""
