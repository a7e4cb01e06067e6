"""One node execution, and one attempt of it, as pages show them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from flyteidl.admin import execution_pb2, node_execution_pb2, task_execution_pb2
from flyteidl.core import catalog_pb2, identifier_pb2
from flyteidl.core import execution_pb2 as core_execution_pb2
from flyteidl.event import event_pb2

from flyte_sandbox.web.pages import addresses
from flyte_sandbox.web.pages.gates import Waiting, waiting_of
from flyte_sandbox.web.pages.names import NodeName
from flyte_sandbox.web.pages.timeline import Axis, Bar
from flyte_sandbox.web.pages.words import PhaseWord, moment, node_phase, span_seconds, task_phase

_USUAL = frozenset({"", "task submitted", "task started"})

NodeExecution: TypeAlias = node_execution_pb2.NodeExecution


@dataclass(frozen=True)
class Element:
    """One of the many that a map task is for."""

    index: int
    phase: PhaseWord
    cache: str
    logs: list[tuple[str, str]]


@dataclass
class Attempt:
    """One task execution as a page shows it.

    :param reasons: what was said about it, in order.
    """

    number: int
    task: identifier_pb2.Identifier
    phase: PhaseWord
    started: datetime | None
    seconds: float | None
    reasons: list[str]
    error: Any
    logs: list[tuple[str, str]]
    """Name and address."""
    elements: list[Element]

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
    cached_from: identifier_pb2.NodeExecutionIdentifier | None = None
    waiting: Waiting | None = None
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def elements(self) -> str:
        """How the many of a map task are doing, ``""`` for anything else, or when nobody has asked."""
        return elements_text(self.attempts[-1].elements) if self.attempts else ""


@dataclass(frozen=True)
class Place:
    """A node in the tree of a run."""

    node: NodeExecution
    name: NodeName | None
    depth: int


def spec_node_id(node: NodeExecution) -> str:
    return str(node.metadata.spec_node_id or node.id.node_id)


def is_pressing(row: Row) -> bool:
    return row.phase.is_live or row.phase.tone == "bad"


def axis_of(execution: execution_pb2.Execution, phase: PhaseWord, now: datetime) -> Axis:
    closure = execution.closure
    start = moment(closure, "created_at") or now
    end = now if phase.is_live else moment(closure, "updated_at") or now
    return Axis(start, max(start, end))


def row_of(place: Place, axis: Axis, now: datetime) -> Row:
    node, closure = place.node, place.node.closure
    phase = node_phase(closure.phase)
    created, started = moment(closure, "created_at"), moment(closure, "started_at")
    is_gate = phase.is_live and place.name is not None and place.name.gate is not None
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
        error=error_of(closure),
        deck=addresses.node(node.id, "deck") if closure.deck_uri else "",
        child=_child(closure),
        cached_from=_cached_from(closure),
        waiting=waiting_of(place.name.gate, node) if is_gate and place.name else None,
    )


def _kind(place: Place) -> str:
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
    catalog_pb2.CACHE_POPULATED: "written to cache",
    catalog_pb2.CACHE_LOOKUP_FAILURE: "cache lookup failed",
    catalog_pb2.CACHE_PUT_FAILURE: "writing to cache failed",
    catalog_pb2.CACHE_SKIPPED: "cache skipped",
    catalog_pb2.CACHE_EVICTED: "cache evicted",
}


def _cache(closure: Any) -> str:
    if not closure.HasField("task_node_metadata"):
        return ""
    return _CACHE_WORDS.get(closure.task_node_metadata.cache_status, "")


def _cached_from(closure: Any) -> Any:
    """Whose outputs these were first."""
    metadata = closure.task_node_metadata
    if metadata.cache_status != catalog_pb2.CACHE_HIT or not metadata.catalog_key.HasField(
        "source_task_execution"
    ):
        return None
    return metadata.catalog_key.source_task_execution.node_execution_id


def error_of(closure: Any) -> Any:
    return closure.error if closure.HasField("error") else None


def attempt_of(task: task_execution_pb2.TaskExecution, now: datetime) -> Attempt:
    closure = task.closure
    phase = task_phase(closure.phase)
    return Attempt(
        number=task.id.retry_attempt,
        task=task.id.task_id,
        phase=phase,
        started=moment(closure, "started_at") or moment(closure, "created_at"),
        seconds=span_seconds(closure, phase.is_live, now),
        reasons=list(dict.fromkeys(reason.message for reason in closure.reasons)) or [closure.reason],
        error=error_of(closure),
        logs=_logs(closure.logs),
        elements=[_element(resource) for resource in closure.metadata.external_resources],
    )


def elements_text(elements: Iterable[Element]) -> str:
    """``86 succeeded, 14 failed``: each by its last attempt, the most first."""
    last = {element.index: element.phase.text for element in elements}
    counts = Counter(last.values()).most_common()
    return ", ".join(f"{count} {text}" for text, count in counts)


def _element(resource: event_pb2.ExternalResourceInfo) -> Element:
    return Element(
        index=resource.index,
        phase=task_phase(resource.phase),
        cache=_CACHE_WORDS.get(resource.cache_status, ""),
        logs=_logs(resource.logs),
    )


def _logs(logs: Iterable[core_execution_pb2.TaskLog]) -> list[tuple[str, str]]:
    """Ours by their path alone, since a page may be open under another of our names than the one they say."""
    return [_log(log.name or "log", log.uri) for log in logs]


def _log(name: str, uri: str) -> tuple[str, str]:
    path = urlsplit(uri).path
    return ("log", path) if path.startswith(f"{addresses.ROOT}/logs/") else (name, uri)
