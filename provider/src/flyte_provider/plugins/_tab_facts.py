"""What the Flyte tab shows of an execution, as plain values: asked of Flyte here, a page elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from flyteidl.admin import execution_pb2, node_execution_pb2
from flyteidl.core import execution_pb2 as core_execution_pb2
from flyteidl.core import identifier_pb2

from flyte_provider._client import phases
from flyte_provider._client.admin import FlyteClient
from flyte_provider._client.codec import decode_map
from flyte_provider._client.outcomes import name_error
from flyte_provider.exceptions import FlyteServerError

MOST_NODES = 100
# Each costs an RPC; a wider workflow shows its attempts in the console.
_NODES_WITH_ATTEMPTS = 20
_LONGEST_VALUES = 20_000
_BORDERS = {"start-node", "end-node"}


@dataclass(frozen=True)
class Attempt:
    """One attempt of a node's task. :param logs: name and address of each."""

    number: int
    phase: str
    error: str
    logs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Node:
    """A node on the time line.

    :param left: where its bar begins, in percent of the execution's time
    :param width: how long its bar is, in percent
    """

    name: str
    phase: str
    seconds: float
    left: float
    width: float
    error: str
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True)
class Facts:
    """What there is to show. :param error: kind, code and message, or the cause of an abort, or empty."""

    name: str
    project: str
    domain: str
    phase: str
    is_live: bool
    entity: str
    version: str
    created_at: str
    seconds: float
    url: str
    error: str = ""
    inputs: str = ""
    outputs: str = ""
    nodes: tuple[Node, ...] = field(default_factory=tuple)


def gather(client: FlyteClient, execution_id: identifier_pb2.WorkflowExecutionIdentifier, url: str) -> Facts:
    """Ask Flyte.

    :raises FlyteServerError: when it does not tell of the execution; what is beside it may be missing
    """
    execution = client.look_at_execution(execution_id)
    closure, launched = execution.closure, execution.spec.launch_plan
    began_at = closure.created_at.ToDatetime(tzinfo=timezone.utc)
    is_live = not phases.is_terminal(execution)
    seconds = closure.duration.ToTimedelta().total_seconds()
    if is_live or not seconds:
        seconds = (datetime.now(timezone.utc) - began_at).total_seconds() if is_live else seconds
    inputs, outputs = _values(client, execution_id)
    return Facts(
        name=execution_id.name,
        project=execution_id.project,
        domain=execution_id.domain,
        phase=phases.phase_name(closure.phase),
        is_live=is_live,
        entity=launched.name,
        version=launched.version,
        created_at=began_at.strftime("%Y-%m-%d %H:%M:%S UTC"),
        seconds=seconds,
        url=url,
        error=_error(execution),
        inputs=inputs,
        outputs=outputs,
        nodes=tuple(_nodes(client, execution_id, began_at, max(seconds, 0.001))),
    )


def _error(execution: execution_pb2.Execution) -> str:
    closure = execution.closure
    if closure.phase == phases.FAILED:
        return f"{name_error(closure.error)}\n{closure.error.message}"
    cause = closure.abort_metadata.cause
    by = closure.abort_metadata.principal
    return f"Aborted{f' by {by}' if by else ''}: {cause}" if cause else ""


def _values(client: FlyteClient, execution_id: identifier_pb2.WorkflowExecutionIdentifier) -> tuple[str, str]:
    try:
        data = client.get_execution_data(execution_id)
    except FlyteServerError as exc:
        return f"cannot be read: {exc.details}", ""
    return _json(decode_map(data.full_inputs)), _json(decode_map(data.full_outputs))


def _json(values: dict[str, Any]) -> str:
    if not values:
        return ""
    text = json.dumps(values, indent=2, default=str, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUES else text[:_LONGEST_VALUES] + "\n…"


def _nodes(
    client: FlyteClient,
    execution_id: identifier_pb2.WorkflowExecutionIdentifier,
    began_at: datetime,
    seconds: float,
) -> Iterable[Node]:
    try:
        listed = client.list_changed_nodes(execution_id)
    except FlyteServerError:
        return []
    shown = [node for node in listed if node.id.node_id not in _BORDERS]
    shown.sort(key=_began)
    return [
        _node(client, node, began_at, seconds, has_attempts=index < _NODES_WITH_ATTEMPTS)
        for index, node in enumerate(shown)
    ]


def _began(node: node_execution_pb2.NodeExecution) -> datetime:
    closure = node.closure
    moment = closure.started_at if closure.HasField("started_at") else closure.created_at
    found: datetime = moment.ToDatetime(tzinfo=timezone.utc)
    return found


def _node(
    client: FlyteClient,
    node: node_execution_pb2.NodeExecution,
    began_at: datetime,
    seconds: float,
    *,
    has_attempts: bool,
) -> Node:
    closure, began = node.closure, _began(node)
    took = closure.duration.ToTimedelta().total_seconds()
    phase = core_execution_pb2.NodeExecution.Phase.Name(closure.phase)
    if phase in ("RUNNING", "DYNAMIC_RUNNING"):
        took = (datetime.now(timezone.utc) - began).total_seconds()
    left = min(max((began - began_at).total_seconds() / seconds * 100, 0.0), 99.0)
    return Node(
        name=node.id.node_id,
        phase=phase,
        seconds=took,
        left=round(left, 2),
        width=round(min(max(took / seconds * 100, 0.5), 100 - left), 2),
        error=closure.error.message if phase == "FAILED" else "",
        attempts=_attempts(client, node) if has_attempts else (),
    )


def _attempts(client: FlyteClient, node: node_execution_pb2.NodeExecution) -> tuple[Attempt, ...]:
    try:
        listed = client.list_task_executions(node.id)
    except FlyteServerError:
        return ()
    return tuple(
        Attempt(
            number=task.id.retry_attempt + 1,
            phase=core_execution_pb2.TaskExecution.Phase.Name(task.closure.phase),
            error=task.closure.error.message,
            logs=tuple((entry.name or "log", entry.uri) for entry in task.closure.logs),
        )
        for task in listed
    )
