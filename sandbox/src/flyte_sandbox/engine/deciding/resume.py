"""Picks an execution up where its rows say it was: after a restart, or after a commit that did not happen.

``rebuild`` reads rows into a :class:`Run`; ``go_on`` then begins what was due and re-attaches what was
running. What it asks for is safe to find half done: attempts are claimed once, child executions are named
after their node.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from flyteidl.admin import node_execution_pb2, task_execution_pb2
from flyteidl.core import compiler_pb2, literals_pb2

from flyte_sandbox.engine import paths
from flyte_sandbox.engine.deciding import deadlines, expiry, flow
from flyte_sandbox.engine.deciding.nodes import kind_of
from flyte_sandbox.engine.deciding.notes import apply_notes
from flyte_sandbox.engine.deciding.step import Step
from flyte_sandbox.engine.model import START_NODE, ElementScope, NodeRun, Run, Scope
from flyte_sandbox.phases import NODE, NODE_TERMINAL, WORKFLOW


class Files(Protocol):
    """Reads the metadata files of an execution."""

    def literals(self, uri: str) -> literals_pb2.LiteralMap: ...

    def closure(self, uri: str) -> compiler_pb2.CompiledWorkflowClosure: ...


def rebuild(run: Run, node_rows: Sequence[Any], task_rows: Sequence[Any], files: Files) -> None:
    """Bring ``run`` to the state of its rows.

    :param node_rows: in the order in which the nodes began, so that a parent comes before its children.
    """
    for row in node_rows:
        node = run.by_uid.get(row.node_id)
        if node is not None:
            _restore(node, row, files)
    for row in task_rows:
        node = run.by_uid.get(row.node_id)
        if node is not None and row.retry_attempt == node.attempt:
            node.task_phase = task_execution_pb2.TaskExecutionClosure.FromString(row.closure).phase
            node.task_version = row.phase_version
            node.ordered_at = row.created_at


def _restore(node: NodeRun, row: Any, files: Files) -> None:
    closure = node_execution_pb2.NodeExecutionClosure.FromString(row.closure)
    node.phase = closure.phase
    node.is_started = True
    apply_notes(node, row.internal_data)
    if node.phase in NODE_TERMINAL:
        _restore_ended(node, closure, files)
        return
    node.inputs = files.literals(paths.inputs(node))
    kind = kind_of(node)
    if kind.counts_to_parallelism:
        node.is_counted = True
        node.scope.run.at_work += 1
    if node.phase == NODE.DYNAMIC_RUNNING and not node.is_repeating:
        node.dynamic = files.closure(paths.dynamic_closure(node))
    kind.open(node)
    if isinstance(node.child, ElementScope):
        for element in node.child.elements:
            if element.is_good:
                element.outputs = files.literals(paths.outputs(element))


def _restore_ended(node: NodeRun, closure: node_execution_pb2.NodeExecutionClosure, files: Files) -> None:
    scope = node.scope
    if node.is_good:
        node.outputs = scope.inputs if node.id == START_NODE else files.literals(closure.output_uri)
    if node.id in scope.workflow.connections.downstream:
        for one in scope.downstream(node):
            scope.waiting_for[one.id] -= 1
    if node.phase in (NODE.FAILED, NODE.TIMED_OUT) and scope.error is None:
        scope.error = closure.error if node.phase == NODE.FAILED else flow.timeout_error(node)
        scope.is_failing = scope.stops_at_first_failure


def go_on(step: Step) -> None:
    """Everything that the next message would have brought about, had the server lived."""
    run = step.run
    aborting = run.phase == WORKFLOW.ABORTING
    _go_on_in(step, run.root)
    if aborting:
        flow.terminate(step)


def _go_on_in(step: Step, scope: Scope) -> None:
    for node in list(scope.nodes.values()):
        if node.is_started and not node.is_terminal:
            if node.child is not None and not isinstance(node.child, ElementScope):
                _go_on_in(step, node.child)
            kind_of(node).resume(step, node)
            deadlines.set_again(step, node)
            expiry.stop_again(step, node)
    if scope.is_failing:
        others = [node for node in scope.active() if node is not scope.failure_node]
        flow.stop_all(step, others, flow.AUTO_ABORT)
        flow.end_scope_if_drained(step, scope)
        return
    for node in list(scope.nodes.values()):
        if node is not scope.failure_node and node.id != START_NODE:
            flow.consider(step, node)
