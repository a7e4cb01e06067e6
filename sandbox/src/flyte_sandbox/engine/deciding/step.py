"""One decision in the making: collects the events, files and acts that the rules ask for.

Pure: the time is handed in, and every event gets a later one than the event before.
Source for what an event carries: flytepropeller pkg/controller/nodes/transformers.go,
nodes/task/transformer.go.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from flyteidl.core import execution_pb2 as core_execution_pb2
from flyteidl.core import identifier_pb2, literals_pb2
from flyteidl.event import event_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from flyte_sandbox.db.times import to_timestamp
from flyte_sandbox.engine import paths
from flyte_sandbox.engine.deciding.notes import notes
from flyte_sandbox.engine.messages import Act, Decision, NodeEvent, NodeNotes, ReleaseReservation
from flyte_sandbox.engine.model import START_NODE, ElementScope, ExecutionError, NodeRun, Run
from flyte_sandbox.phases import NODE_TERMINAL

_TICK = timedelta(microseconds=1)
_EVENT_VERSION = 1


class Step:
    """:ivar ready: nodes all of whose upstream nodes have ended in this step, to be considered next."""

    def __init__(self, run: Run, now: datetime) -> None:
        self.run = run
        self.decision = Decision()
        self.changed_arrays: dict[str, NodeRun] = {}
        self.ready: deque[NodeRun] = deque()
        self.is_considering = False
        self._now = now

    @property
    def now(self) -> datetime:
        return self._now

    def stamp(self) -> Timestamp:
        """Strictly later than every stamp before."""
        self._now += _TICK
        return to_timestamp(self._now)

    def act(self, act: Act) -> None:
        self.decision.acts.append(act)

    def write(self, uri: str, literals: literals_pb2.LiteralMap) -> None:
        self.decision.files[uri] = literals.SerializeToString(deterministic=True)

    def write_bytes(self, uri: str, data: bytes) -> None:
        self.decision.files[uri] = data

    def workflow(
        self, phase: int, error: ExecutionError | None = None, output_uri: str | None = None
    ) -> None:
        event = event_pb2.WorkflowExecutionEvent(
            execution_id=self.run.id, producer_id="flyte-sandbox", phase=phase, occurred_at=self.stamp()
        )
        if error is not None:
            event.error.CopyFrom(error)
        if output_uri is not None:
            event.output_uri = output_uri
        self.run.phase = phase
        self.decision.records.append(event)

    def node(self, node: NodeRun, phase: int, error: ExecutionError | None = None, **fields: Any) -> None:
        """An event of a node. An element of an array has none; its array tells of it.

        :param fields: more fields of the event, such as ``output_uri`` or ``is_parent``.
        """
        if node.reservation and phase in NODE_TERMINAL:
            self._release_reservation(node)
        if node.index is not None:
            node.phase, node.is_started = phase, True
            self._element_changed(node)
            return
        stamp = self.stamp()
        event = event_pb2.NodeExecutionEvent(
            id=node_execution_id(node),
            producer_id="flyte-sandbox",
            phase=phase,
            occurred_at=stamp,
            reported_at=stamp,
            spec_node_id=node.id,
            node_name=node.node.metadata.name,
            event_version=_EVENT_VERSION,
            **fields,
        )
        if node.id != START_NODE:
            event.input_uri = paths.inputs(node)
        if error is not None:
            event.error.CopyFrom(error)
        _describe_place(event, node)
        if node.scope.parent is not None:
            event.parent_node_metadata.node_id = node.scope.parent.uid
            event.retry_group = str(node.scope.parent_attempt)
        node.phase = phase
        node.is_started = True
        self.decision.records.append(NodeEvent(event, notes(node)))

    def _release_reservation(self, node: NodeRun) -> None:
        assert node.inputs is not None
        task = node.scope.library.task(node.node.task_node.reference_id)
        release = ReleaseReservation(task, node.inputs, node_execution_id(node))
        self.decision.records.append(release)
        self.act(release)

    def note(self, node: NodeRun) -> None:
        if node.index is not None:
            self._element_changed(node)
            return
        self.decision.records.append(NodeNotes(node_execution_id(node), notes(node)))

    def task(
        self,
        node: NodeRun,
        phase: int,
        at: datetime | None = None,
        error: ExecutionError | None = None,
        **fields: Any,
    ) -> None:
        """An event of the node's current attempt.

        :param at: when it happened; now, if not given.
        """
        if node.index is not None:
            node.task_phase = phase
            self._element_changed(node, fields.get("logs", ()))
            return
        template = node.scope.library.task(node.node.task_node.reference_id)
        stamp = self.stamp()
        event = event_pb2.TaskExecutionEvent(
            task_id=template.id,
            parent_node_execution_id=node_execution_id(node),
            retry_attempt=node.attempt,
            phase=phase,
            producer_id="flyte-sandbox",
            occurred_at=stamp if at is None else to_timestamp(at),
            reported_at=stamp,
            task_type=template.type,
            event_version=_EVENT_VERSION,
            phase_version=node.task_version,
            input_uri=paths.inputs(node),
            **fields,
        )
        node.task_phase = phase
        if error is not None:
            event.error.CopyFrom(error)
        self.decision.records.append(event)

    def _element_changed(self, node: NodeRun, logs: Iterable[core_execution_pb2.TaskLog] = ()) -> None:
        """Remember to tell of it once, when the decision is complete, however often it changes."""
        scope = node.scope
        assert isinstance(scope, ElementScope)
        assert scope.parent is not None
        assert node.index is not None
        scope.changed.setdefault(node.index, []).extend(logs)
        scope.unnoted.add(node.index)
        self.changed_arrays[scope.parent.uid] = scope.parent


def _describe_place(event: event_pb2.NodeExecutionEvent, node: NodeRun) -> None:
    """Which entity the node is a run of, and whether anything around it is known only at run time."""
    target = node.node
    if target.HasField("array_node"):
        target = target.array_node.node
    if target.HasField("task_node"):
        event.target_entity.CopyFrom(target.task_node.reference_id)
    elif target.workflow_node.HasField("launchplan_ref"):
        event.target_entity.CopyFrom(target.workflow_node.launchplan_ref)
    event.is_in_dynamic_chain = _is_in_dynamic_chain(node)


def _is_in_dynamic_chain(node: NodeRun) -> bool:
    parent = node.scope.parent
    return parent is not None and (parent.dynamic is not None or _is_in_dynamic_chain(parent))


def node_execution_id(node: NodeRun) -> identifier_pb2.NodeExecutionIdentifier:
    return identifier_pb2.NodeExecutionIdentifier(execution_id=node.scope.run.id, node_id=node.uid)


def task_execution_id(node: NodeRun) -> identifier_pb2.TaskExecutionIdentifier:
    template = node.scope.library.task(node.node.task_node.reference_id)
    return identifier_pb2.TaskExecutionIdentifier(
        task_id=template.id, node_execution_id=node_execution_id(node), retry_attempt=node.attempt
    )
