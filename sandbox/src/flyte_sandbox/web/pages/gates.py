"""What a gate waits for, and what one can type to let it go on.

A page only shows it: it must not be in the power of a page to make something run.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flyteidl.core import workflow_pb2

from flyte_sandbox.web.pages.words import moment, type_text


@dataclass(frozen=True)
class Waiting:
    """:param text: what it does, as the rest of a sentence that begins with its name.

    :param until: when it goes on by itself, None when it does not.
    :param answers: lines of Python, one of which lets it go on; ``remote`` is a FlyteRemote.
    """

    text: str
    until: datetime | None = None
    answers: tuple[str, ...] = ()


def waiting_of(gate: workflow_pb2.GateNode, node: Any) -> Waiting:
    """:param node: its execution, which is under way."""
    which = gate.WhichOneof("condition")
    if which == "sleep":
        started = moment(node.closure, "started_at") or moment(node.closure, "created_at")
        return Waiting("sleeps", started and started + gate.sleep.duration.ToTimedelta())
    if which == "approve":
        id = gate.approve.signal_id
        return Waiting(
            "waits for an approval", answers=(_call("approve", id, node), _call("reject", id, node))
        )
    kind = type_text(gate.signal.type)
    call = _call("set_input", gate.signal.signal_id, node, value="...")
    return Waiting(f"waits for a value of type {kind}", answers=(call,))


def _call(method: str, signal_id: str, node: Any, **arguments: str) -> str:
    """:param arguments: as they stand in the line."""
    run = node.id.execution_id
    quoted = {"project": repr(run.project), "domain": repr(run.domain)}
    words = [repr(signal_id), repr(run.name), *(f"{k}={v}" for k, v in {**arguments, **quoted}.items())]
    return f"remote.{method}({', '.join(words)})"
