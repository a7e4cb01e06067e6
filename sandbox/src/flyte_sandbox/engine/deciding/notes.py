"""What a node's row keeps of it beside Flyte's own fields, as JSON. Pure.

Written with each of its events, and read when its execution is picked up again.
"""

from __future__ import annotations

import json
from typing import Any

from flyte_sandbox.engine.model import ElementScope, NodeRun
from flyte_sandbox.phases import NODE

_LETTERS = {NODE.SUCCEEDED: "S", NODE.FAILED: "F", NODE.ABORTED: "A", NODE.TIMED_OUT: "T"}
_ELEMENT_NOTES = (
    "attempt",
    "launches",
    "system_failures",
    "cache_status",
    "reservation",
    "expired",
    "active_since",
    "attempt_since",
)
_PHASES_OF_LETTERS = {letter: phase for phase, letter in _LETTERS.items()}


def notes(node: NodeRun) -> str:
    """What must survive a restart and stands in no field of Flyte's; see :func:`apply_notes`."""
    kept: dict[str, Any] = {
        "attempt": node.attempt,
        "launches": node.launches,
        "system_failures": node.system_failures,
        "child_execution": node.child_execution,
        "cache_status": node.cache_status,
        "reservation": node.reservation,
        "recovered_checkpoint": node.recovered_checkpoint,
        "is_repeating": node.is_repeating,
        "expired": node.expired,
        "active_since": node.active_since,
        "attempt_since": node.attempt_since,
    }
    if isinstance(node.child, ElementScope):
        kept["elements"] = element_notes(node.child)
    return json.dumps({name: value for name, value in kept.items() if value})


def element_notes(scope: ElementScope) -> dict[str, Any]:
    """One letter an element, and the few numbers that are not zero: short, because it is written often.

    Only what has changed since the last time is looked at.
    """
    for index in scope.unnoted:
        _note_element(scope, scope.elements[index])
    scope.unnoted.clear()
    return {"phases": "".join(scope.letters), **scope.numbers}


def _note_element(scope: ElementScope, element: NodeRun) -> None:
    assert element.index is not None
    scope.letters[element.index] = _LETTERS.get(element.phase, "r" if element.is_started else ".")
    for name in _ELEMENT_NOTES:
        if value := getattr(element, name):
            scope.numbers.setdefault(name, {})[str(element.index)] = value
        elif name in scope.numbers:
            scope.numbers[name].pop(str(element.index), None)


def apply_element_notes(scope: ElementScope, kept: dict[str, Any]) -> None:
    for element, letter in zip(scope.elements, kept.get("phases", ""), strict=False):
        element.is_started = letter != "."
        element.phase = _PHASES_OF_LETTERS.get(letter, NODE.RUNNING if letter == "r" else NODE.UNDEFINED)
    for name in _ELEMENT_NOTES:
        for index, value in kept.get(name, {}).items():
            setattr(scope.elements[int(index)], name, value)
    scope.unnoted.update(range(len(scope.elements)))
    scope.count()


def apply_notes(node: NodeRun, text: str) -> None:
    kept = json.loads(text or "{}")
    node.element_notes = kept.pop("elements", {})
    for name, value in kept.items():
        setattr(node, name, value)
