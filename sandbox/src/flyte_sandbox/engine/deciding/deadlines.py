"""How long one attempt of a node may take, and how long the node may be under way altogether. Pure.

``metadata.timeout`` of a node is the execution deadline, counted from the attempt's beginning; twice that is
the active deadline, counted from QUEUED. What happens beyond them is ``expiry``'s.
Source: flytepropeller pkg/controller/nodes/executor.go execute, pkg/compiler/transformers/k8s/node.go.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from flyte_sandbox.db.times import from_micros, to_micros
from flyte_sandbox.engine.deciding.step import Step
from flyte_sandbox.engine.messages import ACTIVE_DEADLINE, EXECUTION_DEADLINE, SetDeadline
from flyte_sandbox.engine.model import NodeRun
from flyte_sandbox.phases import NODE

ACTIVE_FACTOR = 2
ACTIVE_DEADLINE_REASON = "node timed out"


def queue(step: Step, node: NodeRun, **fields: object) -> None:
    """QUEUED: the node's whole time counts from now."""
    if _limit(node):
        node.active_since = to_micros(step.now)
    step.node(node, NODE.QUEUED, **fields)
    _arm(step, node, ACTIVE_DEADLINE)


def run(step: Step, node: NodeRun, **fields: object) -> None:
    """RUNNING, for a node without a process: its attempt begins now."""
    if _limit(node):
        node.attempt_since = to_micros(step.now)
    step.node(node, NODE.RUNNING, **fields)
    _arm(step, node, EXECUTION_DEADLINE)


def run_again(step: Step, node: NodeRun) -> None:
    """The next attempt of a node without a process; nothing is told of it."""
    node.attempt += 1
    node.attempt_since = to_micros(step.now) if _limit(node) else 0
    step.note(node)
    _arm(step, node, EXECUTION_DEADLINE)


def attempt_ordered(step: Step, node: NodeRun) -> None:
    """The attempt waits for a slot of this machine from now on, which no deadline counts."""
    node.ordered_at = to_micros(step.now)
    node.attempt_since = 0


def attempt_began(step: Step, node: NodeRun) -> None:
    """The attempt's own time counts from now, unless it began before a restart."""
    if not _limit(node):
        return
    if not node.attempt_since:
        node.attempt_since = to_micros(step.now)
        node.active_since += node.attempt_since - (node.ordered_at or node.attempt_since)
        step.note(node)
    _arm(step, node, EXECUTION_DEADLINE)
    _arm(step, node, ACTIVE_DEADLINE)


def set_again(step: Step, node: NodeRun) -> None:
    """After a restart: the alarms of the server before are gone."""
    for which in (EXECUTION_DEADLINE, ACTIVE_DEADLINE):
        _arm(step, node, which)


def due(node: NodeRun, which: str) -> datetime | None:
    """:param which: ``execution`` or ``active``.

    :return: None when the node has no such deadline, or its process waits for a slot.
    """
    limit = _limit(node)
    if node.is_process_ordered and not node.attempt_since:
        return None
    since = node.attempt_since if which == EXECUTION_DEADLINE else node.active_since
    if not limit or not since or node.phase == NODE.UNDEFINED:
        return None
    return from_micros(since) + (limit if which == EXECUTION_DEADLINE else ACTIVE_FACTOR * limit)


def describe(node: NodeRun, which: str) -> str:
    """Why the node is stopped, in the real one's words."""
    if which != EXECUTION_DEADLINE:
        return ACTIVE_DEADLINE_REASON
    return f"task execution timeout [{go_duration(_limit(node))}] expired"


def _limit(node: NodeRun) -> timedelta:
    return node.node.metadata.timeout.ToTimedelta()  # type: ignore[no-any-return]


def _arm(step: Step, node: NodeRun, which: str) -> None:
    at = due(node, which)
    if at is not None:
        step.act(SetDeadline(node.uid, node.attempt, which, at))


def go_duration(duration: timedelta) -> str:
    """The text of Go's ``time.Duration``: ``1m30s``, ``1h0m0s``, ``1.5s``, ``200ms``."""
    micros = duration // timedelta(microseconds=1)
    if micros == 0:
        return "0s"
    if micros < 1_000_000:
        return f"{_number(micros, 1000)}ms" if micros >= 1000 else f"{micros}µs"
    minutes, rest = divmod(micros, 60_000_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{_number(rest, 1_000_000)}s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text


def _number(value: int, unit: int) -> str:
    whole, part = divmod(value, unit)
    digits = len(str(unit)) - 1
    return f"{whole}.{part:0{digits}d}".rstrip("0") if part else str(whole)
