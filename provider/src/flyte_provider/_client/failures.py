"""Why an execution failed: the node that failed first, its last attempt, that attempt's error and logs.

The execution's own error names the node but cuts what happened before; this walks down to where it happened.
Best effort: whoever calls gets what could be read.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from flyteidl.admin import node_execution_pb2
from flyteidl.core import execution_pb2 as core_execution_pb2
from flyteidl.core import identifier_pb2

from flyte_provider._client.admin import FlyteClient
from flyte_provider.exceptions import FlyteServerError

log = logging.getLogger(__name__)

_FAILED_PHASES = ["FAILED", "TIMED_OUT"]
# Sub-workflows in launch plans in dynamic tasks: deeper nesting than this is told without the last steps.
_DEEPEST = 8


@dataclass(frozen=True)
class FailedNode:
    """The innermost node that failed.

    :param path: node ids from the top, joined by ``/``; a launch plan's execution appears by its name
    :param attempt: number of its last attempt, counting from 1, or 0 when it never had one
    :param error: Flyte's error in full
    :param logs: addresses of the attempt's logs, keyed by their name
    """

    path: str
    attempt: int
    error: core_execution_pb2.ExecutionError
    logs: dict[str, str]


def find_failed_node(
    client: FlyteClient, execution_id: identifier_pb2.WorkflowExecutionIdentifier
) -> FailedNode | None:
    """Return the node to blame, or None when the server does not tell."""
    try:
        return _descend(client, execution_id, parent="", path=[])
    except FlyteServerError as exc:
        log.warning("cannot tell which node failed: %s", exc)
        return None


def _descend(
    client: FlyteClient,
    execution_id: identifier_pb2.WorkflowExecutionIdentifier,
    parent: str,
    path: list[str],
) -> FailedNode | None:
    nodes = client.list_node_executions(execution_id, phases=_FAILED_PHASES, parent=parent, limit=1)
    if not nodes:
        return None
    node = nodes[0]
    path = [*path, node.metadata.spec_node_id or node.id.node_id]
    return _inside(client, node, path) or _report(client, node, path)


def _inside(
    client: FlyteClient, node: node_execution_pb2.NodeExecution, path: list[str]
) -> FailedNode | None:
    """Return what failed within a node that has nodes of its own, here or in a child execution."""
    if len(path) >= _DEEPEST:
        return None
    child = node.closure.workflow_node_metadata.executionId
    if child.name:
        return _descend(client, child, parent="", path=[*path, child.name])
    if node.metadata.is_parent_node or node.metadata.is_dynamic:
        return _descend(client, node.id.execution_id, parent=node.id.node_id, path=path)
    return None


def _report(client: FlyteClient, node: node_execution_pb2.NodeExecution, path: list[str]) -> FailedNode:
    attempts = client.list_task_executions(node.id)
    error = client.get_node_execution(node.id).closure.error
    logs: dict[str, str] = {}
    if attempts:
        last = attempts[-1].closure
        logs = {entry.name or "log": entry.uri for entry in last.logs}
        error = last.error if last.error.message else error
    return FailedNode("/".join(path), len(attempts), error, logs)
