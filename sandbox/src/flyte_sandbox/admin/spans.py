"""Where the time of an execution went: its rows become a tree of spans. Pure.

Every span but those of Flyte entities is named after an operation. Nodes are found by their id in the
compiled workflow, so a scope is a mapping from that id to the node execution.
Source: flyteadmin pkg/manager/impl/metrics_manager.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeAlias

from flyteidl.admin import execution_pb2, node_execution_pb2, task_execution_pb2
from flyteidl.core import compiler_pb2, identifier_pb2, metrics_pb2, workflow_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from flyte_sandbox.db.times import from_timestamp, to_timestamp
from flyte_sandbox.errors import Internal

Span: TypeAlias = metrics_pb2.Span
Node: TypeAlias = node_execution_pb2.NodeExecution
Task: TypeAlias = task_execution_pb2.TaskExecution
Nodes: TypeAlias = Mapping[str, Node]

START_NODE, END_NODE = "start-node", "end-node"


@dataclass(frozen=True)
class History:
    """All that was recorded of one execution.

    :param children: node executions by the unique id of their parent, ``""`` for the top level, and by the
        id in their own workflow.
    :param tasks: task executions by the unique id of their node, oldest first.
    """

    execution: execution_pb2.Execution
    workflow: compiler_pb2.CompiledWorkflowClosure
    children: Mapping[str, Nodes] = field(default_factory=dict)
    tasks: Mapping[str, Sequence[Task]] = field(default_factory=dict)


class Archive(Protocol):
    """Reads what lies outside of the execution itself."""

    def history(self, id: identifier_pb2.WorkflowExecutionIdentifier) -> History: ...

    def dynamic_workflow(self, node: Node) -> compiler_pb2.CompiledWorkflowClosure: ...


def execution_span(archive: Archive, history: History, depth: int) -> Span:
    """:param depth: how many levels of spans to show; 0 is the execution's own span alone."""
    closure = history.execution.closure
    span = Span(start_time=closure.created_at, end_time=closure.updated_at, workflow_id=history.execution.id)
    if depth == 0:
        return span
    nodes = history.children.get("", {})
    if START_NODE not in nodes:
        span.spans.append(_operation(closure.created_at, closure.updated_at, "WORKFLOW_SETUP"))
        return span
    started = nodes[START_NODE].closure.updated_at
    span.spans.append(_operation(closure.created_at, started, "WORKFLOW_SETUP"))
    spans = _Spans(archive, history, history.workflow)
    span.spans.extend(spans.of_scope(history.workflow.primary, nodes, depth - 1))
    span.spans.extend(_teardown(_latest(END_NODE, history.workflow.primary, nodes), closure, "WORKFLOW"))
    return span


class _Spans:
    """:param library: where sub-workflows are found; a dynamic node brings its own."""

    def __init__(
        self, archive: Archive, history: History, library: compiler_pb2.CompiledWorkflowClosure
    ) -> None:
        self._archive = archive
        self._history = history
        self._library = library

    def of_scope(self, workflow: compiler_pb2.CompiledWorkflow, nodes: Nodes, depth: int) -> Iterable[Span]:
        template = workflow.template
        known = {node.id: node for node in (*template.nodes, template.failure_node)}
        for id, node in sorted(nodes.items(), key=lambda item: item[1].closure.created_at.ToNanoseconds()):
            if id in (START_NODE, END_NODE):
                continue
            if id not in known:
                raise Internal(f"failed to discover workflow node '{id}' in workflow '{template.id.name}'")
            span = self._of_node(node, known[id], depth)
            before = _latest(id, workflow, nodes)
            if before is not None:
                wait = _operation(before.closure.updated_at, node.closure.created_at, "NODE_TRANSITION")
                span.spans.insert(0, wait)
            yield span

    def _of_node(self, node: Node, spec: workflow_pb2.Node, depth: int) -> Span:
        span = Span(start_time=node.closure.created_at, end_time=node.closure.updated_at, node_id=node.id)
        if depth != 0:
            span.spans.extend(self._inside(node, spec, depth - 1))
        return span

    def _inside(self, node: Node, spec: workflow_pb2.Node, depth: int) -> Iterable[Span]:
        match spec.WhichOneof("target"):
            case "branch_node":
                return self._of_branch(node, spec.branch_node, depth)
            case "gate_node":
                return _of_gate(node)
            case "workflow_node" if spec.workflow_node.WhichOneof("reference") == "launchplan_ref":
                return self._of_child_execution(node, depth)
            case "workflow_node":
                workflow = self._find_workflow(spec.workflow_node.sub_workflow_ref)
                return self._of_subworkflow(node, workflow, depth)
            case "task_node" if node.metadata.is_parent_node:
                return self._of_dynamic(node, depth)
            case "task_node" | "array_node":
                return self._of_task(node, depth)
            case _:
                raise Internal(f"failed to identify node type for node {spec.id}")

    def _of_task(self, node: Node, depth: int) -> Iterable[Span]:
        tasks = self._tasks_of(node)
        if not tasks:
            yield _setup(node, node.closure.updated_at)
            return
        yield _setup(node, tasks[0].closure.created_at)
        yield from _of_attempts(tasks, depth)
        yield from _teardown(tasks[-1], node.closure)

    def _of_branch(self, node: Node, branch: workflow_pb2.BranchNode, depth: int) -> Iterable[Span]:
        arms = self._children_of(node)
        if not arms:
            yield _setup(node, node.closure.updated_at)
            return
        if len(arms) != 1:
            raise Internal(
                f"invalid branch node execution: expected 1 but found {len(arms)} node execution(s)"
            )
        ((id, arm),) = arms.items()
        spec = {one.id: one for one in _arms(branch)}.get(id)
        if spec is None:
            raise Internal(f"failed to identify branch node final node definition for nodeID '{id}'")
        yield _setup(node, arm.closure.created_at)
        yield self._of_node(arm, spec, depth)
        yield from _teardown(arm, node.closure)

    def _of_subworkflow(
        self, node: Node, workflow: compiler_pb2.CompiledWorkflow, depth: int
    ) -> Iterable[Span]:
        nodes = self._children_of(node)
        if not nodes:
            yield _setup(node, node.closure.updated_at)
            return
        if START_NODE in nodes:
            yield _setup(node, nodes[START_NODE].closure.updated_at)
        yield from self.of_scope(workflow, nodes, depth)
        yield from _teardown(_latest(END_NODE, workflow, nodes), node.closure)

    def _of_dynamic(self, node: Node, depth: int) -> Iterable[Span]:
        """A dynamic node first runs a task, then what that task has yielded."""
        nodes, tasks = self._children_of(node), self._tasks_of(node)
        if not nodes or not tasks:
            yield from self._of_task(node, depth)
            return
        yield _setup(node, tasks[0].closure.created_at)
        yield from _of_attempts(tasks, depth)
        if START_NODE in nodes:
            started = nodes[START_NODE].closure.updated_at
            yield _operation(tasks[-1].closure.updated_at, started, "NODE_RESET")
        library = self._archive.dynamic_workflow(node)
        yield from _Spans(self._archive, self._history, library).of_scope(library.primary, nodes, depth)
        yield from _teardown(_latest(END_NODE, library.primary, nodes), node.closure)

    def _of_child_execution(self, node: Node, depth: int) -> Iterable[Span]:
        if not node.closure.HasField("workflow_node_metadata"):
            yield _setup(node, node.closure.updated_at)
            return
        history = self._archive.history(node.closure.workflow_node_metadata.executionId)
        yield _setup(node, history.execution.closure.created_at)
        yield execution_span(self._archive, history, depth)
        yield from _teardown(history.execution, node.closure)

    def _children_of(self, node: Node) -> Nodes:
        return self._history.children.get(node.id.node_id, {})

    def _tasks_of(self, node: Node) -> Sequence[Task]:
        return self._history.tasks.get(node.id.node_id, ())

    def _find_workflow(self, id: identifier_pb2.Identifier) -> compiler_pb2.CompiledWorkflow:
        for workflow in self._library.sub_workflows:
            if workflow.template.id == id:
                return workflow
        raise Internal(f"failed to find sub-workflow '{id.name}' version '{id.version}'")


class _Closure(Protocol):
    @property
    def updated_at(self) -> Timestamp: ...


class _Recorded(Protocol):
    """An execution, node execution or task execution."""

    @property
    def closure(self) -> _Closure: ...


def _arms(branch: workflow_pb2.BranchNode) -> Iterable[workflow_pb2.Node]:
    block = branch.if_else
    yield block.case.then_node
    yield from (case.then_node for case in block.other)
    yield block.else_node


def _of_gate(node: Node) -> Iterable[Span]:
    return _phases(node.closure, "NODE_SETUP", "NODE_IDLE", "NODE_TEARDOWN")


def _of_attempts(tasks: Sequence[Task], depth: int) -> Iterable[Span]:
    before: Task | None = None
    for task in tasks:
        if before is not None:
            yield _operation(before.closure.updated_at, task.closure.created_at, "NODE_RESET")
        before = task
        if depth != 0:
            yield Span(
                start_time=task.closure.created_at,
                end_time=task.closure.updated_at,
                task_id=task.id,
                spans=_phases(task.closure, "TASK_SETUP", "TASK_RUNTIME", "TASK_TEARDOWN"),
            )


def _phases(
    closure: node_execution_pb2.NodeExecutionClosure | task_execution_pb2.TaskExecutionClosure,
    before: str,
    during: str,
    after: str,
) -> Iterable[Span]:
    """Until it began, while it ran, and until its end was told."""
    if not closure.HasField("started_at"):
        yield _operation(closure.created_at, closure.updated_at, before)
        return
    yield _operation(closure.created_at, closure.started_at, before)
    if not closure.HasField("duration"):
        yield _operation(closure.started_at, closure.updated_at, during)
        return
    end = to_timestamp(from_timestamp(closure.started_at) + closure.duration.ToTimedelta())
    yield _operation(closure.started_at, end, during)
    if not _is_before(closure.updated_at, end):
        yield _operation(end, closure.updated_at, after)


def _setup(node: Node, until: Timestamp) -> Span:
    return _operation(node.closure.created_at, until, "NODE_SETUP")


def _teardown(last: _Recorded | None, closure: _Closure, of: str = "NODE") -> Iterable[Span]:
    if last is not None and not _is_before(closure.updated_at, last.closure.updated_at):
        yield _operation(last.closure.updated_at, closure.updated_at, f"{of}_TEARDOWN")


def _latest(id: str, workflow: compiler_pb2.CompiledWorkflow, nodes: Nodes) -> Node | None:
    """Of the nodes upstream of ``id`` the one that ended last."""
    upstream = workflow.connections.upstream
    ended = [nodes[one] for one in upstream[id].ids if one in nodes] if id in upstream else []
    return max(ended, key=lambda node: _moment(node.closure.updated_at), default=None)


def _moment(stamp: Timestamp) -> datetime:
    return from_timestamp(stamp)


def _is_before(one: Timestamp, other: Timestamp) -> bool:
    return _moment(one) < _moment(other)


def _operation(start: Timestamp, end: Timestamp, name: str) -> Span:
    return Span(start_time=start, end_time=end, operation_id=name)
