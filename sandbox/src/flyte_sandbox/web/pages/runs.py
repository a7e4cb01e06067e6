"""Pages of one execution and of one of its nodes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from flyteidl.admin import execution_pb2, node_execution_pb2, task_execution_pb2
from flyteidl.core import catalog_pb2, identifier_pb2

from flyte_sandbox.clock import Clock
from flyte_sandbox.web.pages import addresses, values
from flyte_sandbox.web.pages.api import Api, gather_some, or_none
from flyte_sandbox.web.pages.names import Names, NodeName, is_drawn
from flyte_sandbox.web.pages.timeline import Axis, Bar
from flyte_sandbox.web.pages.words import (
    PhaseWord,
    moment,
    node_phase,
    span_seconds,
    task_phase,
    workflow_phase,
)

_MAX_NODES = 1000
_MAX_NODES_WITH_ATTEMPTS = 60
_MAX_DEPTH = 4
_USUAL = frozenset({"", "task submitted", "task started"})

Run: TypeAlias = identifier_pb2.WorkflowExecutionIdentifier
NodeExecution: TypeAlias = node_execution_pb2.NodeExecution


@dataclass
class Attempt:
    """One task execution as a page shows it.

    :param reasons: what was said about it, in order.
    """

    number: int
    phase: PhaseWord
    started: datetime | None
    seconds: float | None
    reasons: list[str]
    error: Any
    logs: list[tuple[str, str]]
    """Name and address; the first is ours."""

    @property
    def notes(self) -> list[str]:
        """What was said besides the usual: mostly what a real cluster would have done."""
        return [text for text in self.reasons if text not in _USUAL]


@dataclass
class Row:
    """One node execution as a page shows it."""

    id: identifier_pb2.NodeExecutionIdentifier
    name: str
    kind: str
    depth: int
    phase: PhaseWord
    started: datetime | None
    seconds: float | None
    bar: Bar | None
    cache: str
    error: Any
    deck: str
    child: identifier_pb2.WorkflowExecutionIdentifier | None
    attempts: list[Attempt] = field(default_factory=list)


@dataclass(frozen=True)
class _Place:
    """A node in the tree of a run."""

    node: NodeExecution
    name: NodeName | None
    depth: int


class Runs:
    def __init__(self, api: Api, clock: Clock) -> None:
        self._api = api
        self._clock = clock

    async def execution_page(self, id: Run) -> dict[str, Any]:
        """:return: what the template shows."""
        execution = await self._api.execution(id)
        now = self._clock.now()
        phase = workflow_phase(execution.closure.phase)
        axis = _axis(execution, phase, now)
        places = await self._tree(id, await self._names(execution))
        rows = [_row(place, axis, now) for place in places]
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
            "error": _error(execution.closure),
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
        name = names.find(names.primary, node.metadata.spec_node_id) if names else None
        axis = _axis(execution, workflow_phase(execution.closure.phase), now)
        row = _row(_Place(node, name, 0), axis, now)
        row.attempts = await self._attempts(row.id, now)
        data = await or_none(self._api.node_data(id))
        children = await self._children(id.execution_id, node, name, names) if names else []
        return {
            "row": row,
            "whole": (axis.end - axis.start).total_seconds(),
            "children": [_row(place, axis, now) for place in children],
            "inputs": values.from_map(data.full_inputs) if data else [],
            "outputs": values.from_map(data.full_outputs) if data else [],
        }

    async def _names(self, execution: execution_pb2.Execution) -> Names | None:
        if not execution.closure.HasField("workflow_id"):
            return None
        workflow = await or_none(self._api.workflow(execution.closure.workflow_id))
        return Names(workflow.closure.compiled_workflow) if workflow else None

    async def _tree(self, id: Run, names: Names | None) -> list[_Place]:
        nodes = await self._api.nodes(id, _MAX_NODES)
        return await self._places(id, nodes, names.primary if names else None, names, 0)

    async def _places(
        self, id: Run, nodes: list[NodeExecution], workflow: Any, names: Names | None, depth: int
    ) -> list[_Place]:
        """Each node and, right below it, its children."""
        places: list[_Place] = []
        for node in nodes:
            if not is_drawn(_spec_node_id(node)):
                continue
            name = names.find(workflow, _spec_node_id(node)) if names else None
            places.append(_Place(node, name, depth))
            if node.metadata.is_parent_node and depth < _MAX_DEPTH and len(places) < _MAX_NODES:
                places += await self._children(id, node, name, names, depth + 1)
        return places[:_MAX_NODES]

    async def _children(
        self, id: Run, node: NodeExecution, name: NodeName | None, names: Names | None, depth: int = 0
    ) -> list[_Place]:
        if not node.metadata.is_parent_node:
            return []
        children = await self._api.nodes(id, _MAX_NODES, node.id.node_id)
        return await self._places(id, children, name.workflow if name else None, names, depth)

    async def _add_attempts(self, rows: list[Row], now: datetime) -> None:
        """For all nodes of a run that a page can hold, else for those that somebody will look for first."""
        wanted = rows if len(rows) <= _MAX_NODES_WITH_ATTEMPTS else [row for row in rows if _is_pressing(row)]
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
            row.error = _error(node.closure) if node else row.error

    async def _attempts(self, id: identifier_pb2.NodeExecutionIdentifier, now: datetime) -> list[Attempt]:
        found = await or_none(self._api.attempts(id))
        return [_attempt(task, now) for task in found or []]


def _notes(rows: list[Row]) -> list[tuple[str, str]]:
    """What is to be said of the run, and the nodes it holds for."""
    names: dict[str, dict[str, None]] = {}
    for row in rows:
        for attempt in row.attempts:
            for note in attempt.notes:
                names.setdefault(note, {})[row.name] = None
    return [(note, ", ".join(nodes)) for note, nodes in names.items()]


def _spec_node_id(node: NodeExecution) -> str:
    return str(node.metadata.spec_node_id or node.id.node_id)


def _is_pressing(row: Row) -> bool:
    return row.phase.is_live or row.phase.tone == "bad"


def _axis(execution: execution_pb2.Execution, phase: PhaseWord, now: datetime) -> Axis:
    closure = execution.closure
    start = moment(closure, "created_at") or now
    end = now if phase.is_live else moment(closure, "updated_at") or now
    return Axis(start, max(start, end))


def _row(place: _Place, axis: Axis, now: datetime) -> Row:
    node, closure = place.node, place.node.closure
    phase = node_phase(closure.phase)
    created, started = moment(closure, "created_at"), moment(closure, "started_at")
    return Row(
        id=node.id,
        name=place.name.text if place.name else node.id.node_id,
        kind=_kind(place),
        depth=place.depth,
        phase=phase,
        started=started or created,
        seconds=span_seconds(closure, phase.is_live, now),
        bar=axis.bar(created, started, None if phase.is_live else moment(closure, "updated_at")),
        cache=_cache(closure),
        error=_error(closure),
        deck=addresses.node(node.id, "deck") if closure.deck_uri else "",
        child=_child(closure),
    )


def _kind(place: _Place) -> str:
    metadata = place.node.metadata
    if metadata.is_dynamic:
        return "dynamic"
    if metadata.is_array:
        return "map"
    return place.name.kind if place.name else ""


def _child(closure: Any) -> Any:
    if not closure.HasField("workflow_node_metadata"):
        return None
    return closure.workflow_node_metadata.executionId


_CACHE_WORDS = {
    catalog_pb2.CACHE_HIT: "from cache",
    catalog_pb2.CACHE_POPULATED: "cached",
    catalog_pb2.CACHE_LOOKUP_FAILURE: "cache lookup failed",
    catalog_pb2.CACHE_PUT_FAILURE: "caching failed",
    catalog_pb2.CACHE_SKIPPED: "cache skipped",
    catalog_pb2.CACHE_EVICTED: "cache evicted",
}


def _cache(closure: Any) -> str:
    if not closure.HasField("task_node_metadata"):
        return ""
    return _CACHE_WORDS.get(closure.task_node_metadata.cache_status, "")


def _error(closure: Any) -> Any:
    return closure.error if closure.HasField("error") else None


def _abort(closure: execution_pb2.ExecutionClosure) -> Any:
    if closure.HasField("abort_metadata"):
        return closure.abort_metadata
    if closure.abort_cause:
        return execution_pb2.AbortMetadata(cause=closure.abort_cause)
    return None


def _attempt(task: task_execution_pb2.TaskExecution, now: datetime) -> Attempt:
    closure = task.closure
    phase = task_phase(closure.phase)
    return Attempt(
        number=task.id.retry_attempt,
        phase=phase,
        started=moment(closure, "started_at") or moment(closure, "created_at"),
        seconds=span_seconds(closure, phase.is_live, now),
        reasons=list(dict.fromkeys(reason.message for reason in closure.reasons)) or [closure.reason],
        error=_error(closure),
        logs=_logs(task),
    )


def _logs(task: task_execution_pb2.TaskExecution) -> list[tuple[str, str]]:
    ours = addresses.attempt_log(task.id.node_execution_id, task.id.retry_attempt)
    others = [(log.name or "log", log.uri) for log in task.closure.logs if not log.uri.endswith(ours)]
    return [("log", ours), *others]
