"""Every row: its name, what it measures, its unit, its goal, and the function that measures it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from . import provider_parse, sandbox_edit, sandbox_hello, sandbox_pima, sandbox_rpc, sandbox_start
from .figures import Goal, Measurement, at_least, at_most
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
    Row(
        "sandbox.pima",
        "pima workflow warm, cache overwritten, a new seed each run, ratio after 0.2 s are taken off; "
        "reference the same workflow called in a warm interpreter",
        "s",
        Goal(ratio=at_most(1.5)),
        sandbox_pima.pima,
    ),
    Row(
        "sandbox.rpc.get",
        "GetExecution a second, 8 in flight, one client process",
        "1/s",
        Goal(at_least(1500)),
        sandbox_rpc.get,
    ),
    Row(
        "sandbox.rpc.list",
        "ListExecutions p95 on 100,000 executions",
        "ms",
        Goal(at_most(50)),
        sandbox_rpc.list_,
    ),
    Row(
        "provider.parse.cpu",
        "CPU time of importing operator, sensor, triggers and hook over airflow.sdk alone",
        "ms",
        Goal(at_most(25)),
        provider_parse.cpu,
    ),
    Row(
        "provider.parse.memory",
        "what these imports add to PSS",
        "MB",
        Goal(at_most(2)),
        provider_parse.memory,
    ),
)

_NOT_YET = "its feature is not there yet"
_BEING_WRITTEN = "the measurement is not written yet"

LATER = {
    "sandbox.tasks": "map tasks are not there yet",
}
"""Rows whose feature is missing, with the reason."""
