"""What the engine keeps in memory about an execution under way. Rebuilt from rows after a restart."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from flyteidl.admin import execution_pb2
from flyteidl.core import compiler_pb2, identifier_pb2, literals_pb2, tasks_pb2, workflow_pb2
from flyteidl.core import execution_pb2 as core_execution_pb2

from flyte_sandbox import ids
from flyte_sandbox.compiler.identifiers import Key, identifier_key
from flyte_sandbox.phases import NODE, NODE_TERMINAL, TASK, WORKFLOW

START_NODE = "start-node"
END_NODE = "end-node"

ExecutionId: TypeAlias = identifier_pb2.WorkflowExecutionIdentifier
ExecutionError: TypeAlias = core_execution_pb2.ExecutionError


@dataclass(eq=False)
class NodeRun:
    """One node of one scope.

    :param uid: the unique node id, which names its row.
    :param attempt: the current attempt, from 0; it is the task execution's ``retry_attempt``.
    :param launches: how often this attempt number was begun; a restart by ``down`` and ``up`` uses no retry.
    :param system_failures: attempts that Flyte's own side failed; they have a budget of their own.
    :param child: the nodes inside, for a sub-workflow, a branch or a dynamic task.
    :param is_repeating: a dynamic task in an attempt after one that had nodes inside already, until this one
        has its own.
    :param dynamic: what a dynamic task yielded, compiled.
    :param cache_status: what the catalog said, for the events to come; with ``reservation``.
    :param stopping: why it is being stopped, while its process still lives.
    :param recovered_checkpoint: where the same node of the execution that is recovered from left one.
    :param expired: which deadline it is being stopped for, if for one.
    :param active_since: when its time began to count, in microseconds; 0 for a node without a deadline.
    :param attempt_since: the same of the current attempt; 0 before it has begun.
    :param ordered_at: since when the current attempt waits for a slot.
    :param index: which element of an array node it is; None for every other node.
    :param element_notes: of an array node, what its row says of its elements.
    :param task_phase: of the current attempt's row, with ``task_version``.
    """

    uid: str
    node: workflow_pb2.Node
    scope: Scope
    phase: int = NODE.UNDEFINED
    attempt: int = 0
    launches: int = 0
    system_failures: int = 0
    inputs: literals_pb2.LiteralMap | None = None
    error: ExecutionError | None = None
    outputs: literals_pb2.LiteralMap | None = None
    child: Scope | None = None
    is_repeating: bool = False
    dynamic: compiler_pb2.CompiledWorkflowClosure | None = None
    child_execution: str = ""
    recovered_checkpoint: str = ""
    stopping: str = ""
    expired: str = ""
    active_since: int = 0
    attempt_since: int = 0
    ordered_at: int = 0
    is_counted: bool = False
    cache_status: int = 0
    reservation: int = 0
    is_process_ordered: bool = False
    is_started: bool = False
    index: int | None = None
    element_notes: dict[str, Any] = field(default_factory=dict)
    task_phase: int = TASK.UNDEFINED
    task_version: int = 0

    @property
    def id(self) -> str:
        """The id in its own workflow, Flyte's ``spec_node_id``."""
        return str(self.node.id)

    @property
    def is_terminal(self) -> bool:
        return self.phase in NODE_TERMINAL

    @property
    def is_good(self) -> bool:
        return self.phase in (NODE.SUCCEEDED, NODE.RECOVERED)


class Library:
    """The tasks and workflows that a compiled closure carries along, by identifier."""

    def __init__(self, closure: compiler_pb2.CompiledWorkflowClosure) -> None:
        self._tasks: dict[Key, tasks_pb2.TaskTemplate] = {
            identifier_key(task.template.id): task.template for task in closure.tasks
        }
        self._workflows = {
            identifier_key(workflow.template.id): workflow for workflow in closure.sub_workflows
        }

    def task(self, id: identifier_pb2.Identifier) -> tasks_pb2.TaskTemplate:
        return self._tasks[identifier_key(id)]

    def workflow(self, id: identifier_pb2.Identifier) -> compiler_pb2.CompiledWorkflow:
        return self._workflows[identifier_key(id)]


@dataclass(eq=False)
class Scope:
    """One run of one workflow graph: the execution's own, or that of a sub-workflow node.

    :param inputs: what ``start-node`` puts out.
    :param library: where its nodes find their tasks and workflows.
    :param waiting_for: by node id, how many nodes upstream of it have not ended.
    :param error: the first failure, once there is one.
    :param arms: by node id, the chosen arms of branches that wait for the node.
    """

    run: Run
    workflow: compiler_pb2.CompiledWorkflow
    inputs: literals_pb2.LiteralMap
    library: Library
    parent: NodeRun | None = None
    parent_attempt: int = 0
    nodes: dict[str, NodeRun] = field(default_factory=dict)
    waiting_for: dict[str, int] = field(default_factory=dict)
    error: ExecutionError | None = None
    is_failing: bool = False
    arms: dict[str, list[NodeRun]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        template = self.workflow.template
        for node in template.nodes:
            self.add(node)
        if template.HasField("failure_node"):
            self.add(template.failure_node)
        for node_id, upstream in self.workflow.connections.upstream.items():
            if node_id in self.nodes:
                self.waiting_for[node_id] = len(upstream.ids)

    def add(self, node: workflow_pb2.Node) -> NodeRun:
        run = NodeRun(self.unique_id(node.id), node, self)
        self.nodes[node.id] = run
        self.run.by_uid[run.uid] = run
        return run

    def unique_id(self, node_id: str) -> str:
        return ids.unique_node_id(node_id, self.parent.uid if self.parent else "", self.parent_attempt)

    def upstream(self, node: NodeRun) -> list[NodeRun]:
        return [self.nodes[one] for one in self.workflow.connections.upstream[node.id].ids]

    def downstream(self, node: NodeRun) -> list[NodeRun]:
        return [self.nodes[one] for one in sorted(self.workflow.connections.downstream[node.id].ids)]

    def find_source(self, node_id: str) -> NodeRun | None:
        """The node that a promise of this scope names; an empty id is the scope's own input."""
        return self.nodes.get(node_id or START_NODE)

    @property
    def last(self) -> NodeRun:
        """The node whose success is the scope's."""
        return self.nodes[END_NODE]

    @property
    def failure_node(self) -> NodeRun | None:
        template = self.workflow.template
        return self.nodes[template.failure_node.id] if template.HasField("failure_node") else None

    @property
    def stops_at_first_failure(self) -> bool:
        """The root's policy holds in every scope."""
        policy = self.run.root.workflow.template.metadata.on_failure
        return bool(policy == workflow_pb2.WorkflowMetadata.FAIL_IMMEDIATELY)

    def active(self) -> list[NodeRun]:
        """Nodes of this scope that have begun and not ended."""
        return [node for node in self.nodes.values() if node.is_started and not node.is_terminal]


class ArmScope(Scope):
    """The chosen arm of a branch: a single node, which sees what the branch node sees."""

    def __init__(self, branch: NodeRun, arm: workflow_pb2.Node) -> None:
        outer = branch.scope
        nothing = compiler_pb2.CompiledWorkflow()
        super().__init__(outer.run, nothing, outer.inputs, outer.library, branch, branch.attempt)
        self._outer = outer
        self._arm = self.add(arm)

    def wait_for_upstream(self) -> None:
        """The branch node does not depend on what its arms are bound to, so the chosen one may have to
        wait.
        """
        graph = self._graph()
        waiting = [one for one in self.upstream(self._arm) if not one.is_terminal]
        self.waiting_for[self._arm.id] = len(waiting)
        for one in waiting:
            graph.arms.setdefault(one.id, []).append(self._arm)

    def upstream(self, node: NodeRun) -> list[NodeRun]:
        graph, around = self._graph(), self._branches()
        ids = graph.workflow.connections.upstream[node.id].ids
        return [graph.nodes[one] for one in ids if one in graph.nodes and one not in around]

    def _graph(self) -> Scope:
        """The scope that the outermost branch is a node of."""
        return self._outer._graph() if isinstance(self._outer, ArmScope) else self._outer

    def _branches(self) -> set[str]:
        """The branches around the arm; it does not wait for them."""
        assert self.parent is not None
        further = self._outer._branches() if isinstance(self._outer, ArmScope) else set()
        return {self.parent.id, *further}

    def downstream(self, node: NodeRun) -> list[NodeRun]:
        return []

    def find_source(self, node_id: str) -> NodeRun | None:
        return self._outer.find_source(node_id)

    @property
    def last(self) -> NodeRun:
        return self._arm


class ElementScope(Scope):
    """The elements of an array node: nodes ``n0``, ``n1``, … that run the same task or launch plan and have
    no rows of their own.

    :ivar changed: elements whose state is not yet told, with the log links that are new.
    :ivar unnoted: elements whose state is not yet in the notes of the array's row.
    :ivar following: no element before this one is still to begin.
    :ivar begun: how many have begun; ``ended`` and ``failed`` likewise.
    """

    def __init__(self, array: NodeRun, size: int) -> None:
        outer = array.scope
        nothing = compiler_pb2.CompiledWorkflow()
        super().__init__(outer.run, nothing, outer.inputs, outer.library, array, array.attempt)
        self.changed: dict[int, list[core_execution_pb2.TaskLog]] = {}
        self.unnoted: set[int] = set()
        self.letters = ["."] * size
        self.numbers: dict[str, dict[str, Any]] = {}
        self.following = self.begun = self.ended = self.failed = 0
        inner = array.node.array_node.node
        self.elements = [self._add_element(inner, index) for index in range(size)]

    def _add_element(self, inner: workflow_pb2.Node, index: int) -> NodeRun:
        node = workflow_pb2.Node()
        node.CopyFrom(inner)
        node.id = f"n{index}"
        element = self.add(node)
        element.index = index
        return element

    def count(self) -> None:
        """Anew, from the elements."""
        self.begun = sum(element.is_started for element in self.elements)
        self.ended = sum(element.is_terminal for element in self.elements)
        self.failed = sum(element.phase == NODE.FAILED for element in self.elements)

    @property
    def last(self) -> NodeRun:
        raise AssertionError("an array node ends when enough of its elements have")

    def upstream(self, node: NodeRun) -> list[NodeRun]:
        return []

    def downstream(self, node: NodeRun) -> list[NodeRun]:
        return []


def _nowhere(uri: str) -> literals_pb2.Literal:
    raise LookupError(uri)


@dataclass(eq=False)
class Run:
    """An execution as the engine sees it.

    :param spec: with every option resolved.
    :param fetch: reads a literal that lies in a file of its own, by its address.
    :param held: nodes that are ready but wait because ``max_parallelism`` is reached.
    :param at_work: how many nodes count to it now.
    :param by_child: nodes by the name of the execution that they launched last.
    :param by_uid: every node of every scope opened so far.
    """

    id: ExecutionId
    spec: execution_pb2.ExecutionSpec
    closure: compiler_pb2.CompiledWorkflowClosure
    inputs: literals_pb2.LiteralMap
    phase: int = WORKFLOW.UNDEFINED
    fetch: Callable[[str], literals_pb2.Literal] = _nowhere
    held: deque[NodeRun] = field(default_factory=deque)
    at_work: int = 0
    by_uid: dict[str, NodeRun] = field(default_factory=dict)
    by_child: dict[str, NodeRun] = field(default_factory=dict)
    root: Scope = field(init=False)

    def __post_init__(self) -> None:
        self.root = Scope(self, self.closure.primary, self.inputs, Library(self.closure))

    @property
    def is_recovering(self) -> bool:
        """Whether it takes over what the execution that it refers to has done already."""
        return bool(self.spec.metadata.mode == execution_pb2.ExecutionMetadata.RECOVERED)
