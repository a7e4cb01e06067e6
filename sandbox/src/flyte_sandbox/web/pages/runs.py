"""Pages of one execution and of one of its nodes."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeAlias

from flyteidl.admin import execution_pb2
from flyteidl.core import identifier_pb2

from flyte_sandbox.clock import Clock
from flyte_sandbox.web.pages import values
from flyte_sandbox.web.pages.api import Api, gather_some, or_none
from flyte_sandbox.web.pages.names import Names, NodeName, is_drawn, readable
from flyte_sandbox.web.pages.rows import (
    Attempt,
    NodeExecution,
    Place,
    Row,
    attempt_of,
    axis_of,
    error_of,
    is_pressing,
    row_of,
    spec_node_id,
)
from flyte_sandbox.web.pages.words import moment, span_seconds, workflow_phase

_MAX_NODES = 1000
_MAX_NODES_WITH_ATTEMPTS = 60
_MAX_DEPTH = 4

Run: TypeAlias = identifier_pb2.WorkflowExecutionIdentifier


class Runs:
    def __init__(self, api: Api, clock: Clock) -> None:
        self._api = api
        self._clock = clock

    async def execution_page(self, id: Run) -> dict[str, Any]:
        """:return: what the template shows."""
        execution = await self._api.execution(id)
        now = self._clock.now()
        phase = workflow_phase(execution.closure.phase)
        axis = axis_of(execution, phase, now)
        places = await self._tree(id, await self._names(execution))
        rows = [row_of(place, axis, now) for place in places]
        await self._add_attempts(rows, now)
        await self._add_errors(rows)
        data = await or_none(self._api.execution_data(id))
        return {
            "execution": execution,
            "phase": phase,
            "created": moment(execution.closure, "created_at"),
            "started": moment(execution.closure, "started_at"),
            "seconds": span_seconds(execution.closure, phase.is_live, now),
            "whole": (axis.end - axis.start).total_seconds(),
            "notes": _notes(rows),
            "rows": rows,
            "left_out": len(places) >= _MAX_NODES,
            "error": error_of(execution.closure),
            "abort": _abort(execution.closure),
            "inputs": values.from_map(data.full_inputs) if data else [],
            "outputs": values.from_map(data.full_outputs) if data else [],
        }

    async def node_page(self, id: identifier_pb2.NodeExecutionIdentifier) -> dict[str, Any]:
        """:return: what the template shows."""
        execution = await self._api.execution(id.execution_id)
        node = await self._api.node(id)
        now = self._clock.now()
        names = await self._names(execution)
        is_on_top = node.id.node_id == spec_node_id(node)
        name = names.find(names.primary, node.id.node_id) if names and is_on_top else None
        axis = axis_of(execution, workflow_phase(execution.closure.phase), now)
        row = row_of(Place(node, name, 0), axis, now)
        row.attempts = await self._attempts(row.id, now)
        if name is None and row.attempts:
            row.name = readable(row.attempts[0].task.name)
        data = await or_none(self._api.node_data(id))
        children = await self._children(id.execution_id, node, name, names)
        return {
            "row": row,
            "whole": (axis.end - axis.start).total_seconds(),
            "children": [row_of(place, axis, now) for place in children],
            "inputs": values.from_map(data.full_inputs) if data else [],
            "outputs": values.from_map(data.full_outputs) if data else [],
        }

    async def _names(self, execution: execution_pb2.Execution) -> Names | None:
        if not execution.closure.HasField("workflow_id"):
            return None
        workflow = await or_none(self._api.workflow(execution.closure.workflow_id))
        return Names(workflow.closure.compiled_workflow) if workflow else None

    async def _tree(self, id: Run, names: Names | None) -> list[Place]:
        nodes = await self._api.nodes(id, _MAX_NODES)
        return await self._places(id, nodes, names.primary if names else None, names, 0)

    async def _places(
        self, id: Run, nodes: list[NodeExecution], workflow: Any, names: Names | None, depth: int
    ) -> list[Place]:
        """Each node and, right below it, its children."""
        places: list[Place] = []
        for node in nodes:
            if not is_drawn(spec_node_id(node)):
                continue
            name = names.find(workflow, spec_node_id(node)) if names else None
            places.append(Place(node, name, depth))
            if node.metadata.is_parent_node and depth < _MAX_DEPTH and len(places) < _MAX_NODES:
                places += await self._children(id, node, name, names, depth + 1)
        return places[:_MAX_NODES]

    async def _children(
        self, id: Run, node: NodeExecution, name: NodeName | None, names: Names | None, depth: int = 0
    ) -> list[Place]:
        if not node.metadata.is_parent_node:
            return []
        children = await self._api.nodes(id, _MAX_NODES, node.id.node_id)
        workflow = name.workflow if name else None
        if node.metadata.is_dynamic:
            names = await self._names_of_dynamic(node) or names
            workflow = names.primary if names else None
        return await self._places(id, children, workflow, names, depth)

    async def _names_of_dynamic(self, node: NodeExecution) -> Names | None:
        """A dynamic node has made the workflow of its children itself."""
        data = await or_none(self._api.node_data(node.id))
        if data is None or not data.HasField("dynamic_workflow"):
            return None
        return Names(data.dynamic_workflow.compiled_workflow)

    async def _add_attempts(self, rows: list[Row], now: datetime) -> None:
        """For all nodes of a run that a page can hold, else for those that somebody will look for first."""
        wanted = rows if len(rows) <= _MAX_NODES_WITH_ATTEMPTS else [row for row in rows if is_pressing(row)]
        wanted = wanted[:_MAX_NODES_WITH_ATTEMPTS]
        found = await gather_some(self._attempts(row.id, now) for row in wanted)
        for row, attempts in zip(wanted, found, strict=True):
            row.attempts = attempts

    async def _add_errors(self, rows: list[Row]) -> None:
        """Lists cut messages after 100 bytes, which is seldom where they come to the point."""
        cut = [row for row in rows if row.error and not (row.attempts and row.attempts[-1].error)]
        cut = cut[:_MAX_NODES_WITH_ATTEMPTS]
        for row in rows:
            if row.error and row.attempts and row.attempts[-1].error:
                row.error = row.attempts[-1].error
        whole = await gather_some(or_none(self._api.node(row.id)) for row in cut)
        for row, node in zip(cut, whole, strict=True):
            row.error = error_of(node.closure) if node else row.error

    async def _attempts(self, id: identifier_pb2.NodeExecutionIdentifier, now: datetime) -> list[Attempt]:
        found = await or_none(self._api.attempts(id))
        return [attempt_of(task, now) for task in found or []]


def _notes(rows: list[Row]) -> list[tuple[str, str]]:
    """What is to be said of the run, and the nodes it holds for."""
    names: dict[str, dict[str, None]] = {}
    for row in rows:
        for attempt in row.attempts:
            for note in attempt.notes:
                names.setdefault(note, {})[row.name] = None
    return [(note, ", ".join(nodes)) for note, nodes in names.items()]


def _abort(closure: execution_pb2.ExecutionClosure) -> Any:
    if closure.HasField("abort_metadata"):
        return closure.abort_metadata
    if closure.abort_cause:
        return execution_pb2.AbortMetadata(cause=closure.abort_cause)
    return None
