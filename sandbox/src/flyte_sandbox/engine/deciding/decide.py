"""The door to deciding: one message in, one decision out. Pure, and steppable without any thread."""

from __future__ import annotations

from typing import Any

from flyte_sandbox.engine.deciding import expiry, flow, recovery, resume
from flyte_sandbox.engine.deciding.nodes.array import ArrayKind
from flyte_sandbox.engine.deciding.nodes.gate import GateKind, signal_id_of
from flyte_sandbox.engine.deciding.nodes.launch_plan import LaunchPlanKind
from flyte_sandbox.engine.deciding.nodes.table import KINDS
from flyte_sandbox.engine.deciding.nodes.task import TaskKind
from flyte_sandbox.engine.deciding.step import Step
from flyte_sandbox.engine.messages import (
    AttemptEnded,
    AttemptInterrupted,
    AttemptStarted,
    AttemptWaiting,
    Begin,
    CacheLooked,
    ChildEnded,
    ChildRefused,
    ChildStarted,
    DeadlinePassed,
    Message,
    RecoveryLooked,
    RowsChanged,
    SignalSet,
    Terminate,
    Woken,
)
from flyte_sandbox.engine.model import NodeRun
from flyte_sandbox.phases import WORKFLOW, WORKFLOW_TERMINAL

_TASK = KINDS["task_node"]
_LAUNCH_PLAN = KINDS["launchplan_ref"]
_GATE = KINDS["gate_node"]
_ARRAY = KINDS["array_node"]
assert isinstance(_TASK, TaskKind)
assert isinstance(_LAUNCH_PLAN, LaunchPlanKind)
assert isinstance(_GATE, GateKind)


def decide(step: Step, message: Message, log_links: Any = ()) -> None:
    """Apply one message to the run; what follows from it is collected in ``step``.

    Messages that come too late (for a node that has ended, an attempt that was superseded) change nothing.

    :param log_links: ``core.TaskLog`` messages for an attempt that has started.
    """
    if step.run.phase not in WORKFLOW_TERMINAL:
        _apply(step, message, log_links)


def flush(step: Step) -> None:
    """Complete a decision: arrays tell once of all that changed about their elements."""
    assert isinstance(_ARRAY, ArrayKind)
    assert isinstance(_TASK, TaskKind)
    for array in step.changed_arrays.values():
        _ARRAY.flush(step, array)
    _TASK.prepare_following(step)


def _apply(step: Step, message: Message, log_links: Any) -> None:
    run = step.run
    match message:
        case Begin() | RowsChanged():
            _begin(step)
        case Terminate():
            flow.terminate(step)
        case SignalSet():
            _signal(step, message)
        case ChildEnded():
            _child_ended(step, message)
        case _:
            node = run.by_uid.get(message.node_uid)
            if node is not None and node.is_started and not node.is_terminal:
                _node_message(step, node, message, log_links)


def _begin(step: Step) -> None:
    if step.run.phase == WORKFLOW.UNDEFINED:
        flow.begin(step)
    else:
        resume.go_on(step)


def _signal(step: Step, message: SignalSet) -> None:
    """Every gate of the execution that waits for this signal opens, or the one that asked."""
    assert isinstance(_GATE, GateKind)
    for node in list(step.run.by_uid.values()):
        is_waiting = node.is_started and not node.is_terminal and node.node.HasField("gate_node")
        is_meant = message.node_uid in ("", node.uid)
        if is_waiting and is_meant and signal_id_of(node) == message.signal_id:
            _GATE.signalled(step, node, message)


def _child_ended(step: Step, message: ChildEnded) -> None:
    assert isinstance(_LAUNCH_PLAN, LaunchPlanKind)
    node = step.run.by_child.get(message.name)
    if node is not None and node.is_started and not node.is_terminal:
        _LAUNCH_PLAN.ended(step, node, message)


def _node_message(step: Step, node: NodeRun, message: Any, log_links: Any) -> None:
    assert isinstance(_TASK, TaskKind)
    assert isinstance(_LAUNCH_PLAN, LaunchPlanKind)
    assert isinstance(_GATE, GateKind)
    match message:
        case AttemptWaiting() if message.attempt == node.attempt:
            _TASK.attempt_waiting(step, node, message)
        case AttemptStarted() if message.attempt == node.attempt:
            _TASK.attempt_started(step, node, message, log_links)
        case AttemptEnded() if message.attempt == node.attempt:
            _TASK.attempt_ended(step, node, message.outcome)
        case AttemptInterrupted() if message.attempt == node.attempt:
            _TASK.attempt_interrupted(step, node)
        case CacheLooked():
            _TASK.cache_looked(step, node, message)
        case RecoveryLooked():
            recovery.looked(step, node, message)
        case Woken() if message.attempt == node.attempt:
            _GATE.woken(step, node)
        case DeadlinePassed() if message.attempt == node.attempt:
            expiry.passed(step, node, message)
        case ChildStarted():
            _LAUNCH_PLAN.started(step, node)
        case ChildRefused():
            _LAUNCH_PLAN.refused(step, node, message.error)
