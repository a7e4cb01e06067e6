"""An execution's nodes as lines for a task log: each change of phase once. Pure; whoever waits asks Flyte."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from flyteidl.admin import common_pb2, node_execution_pb2
from flyteidl.core.execution_pb2 import NodeExecution
from flyteidl.core.identifier_pb2 import WorkflowExecutionIdentifier

#: Nodes that changed last; a wider workflow is told in numbers.
MOST_NODES = 100
#: More changes than this at once are told in numbers.
MOST_LINES = 20
# The borders of every workflow, which do nothing.
_BORDERS = {"start-node", "end-node"}
_ENDED = {
    NodeExecution.SUCCEEDED,
    NodeExecution.FAILED,
    NodeExecution.ABORTED,
    NodeExecution.SKIPPED,
    NodeExecution.TIMED_OUT,
    NodeExecution.RECOVERED,
}


def nodes_request(execution_id: WorkflowExecutionIdentifier) -> node_execution_pb2.NodeExecutionListRequest:
    """Return the question for an execution's nodes, the latest changed first."""
    return node_execution_pb2.NodeExecutionListRequest(
        workflow_execution_id=execution_id,
        sort_by=common_pb2.Sort(key="node_execution_updated_at", direction=common_pb2.Sort.DESCENDING),
        limit=MOST_NODES,
    )


class Progress:
    """Remembers which phases were told."""

    def __init__(self) -> None:
        self._told: dict[str, int] = {}

    def take(self, nodes: Iterable[node_execution_pb2.NodeExecution]) -> list[str]:
        """Return what is new since the last time, oldest change first."""
        fresh = [node for node in nodes if self._is_news(node)]
        self._told.update({node.id.node_id: node.closure.phase for node in fresh})
        if len(fresh) > MOST_LINES:
            counts = Counter(_phase(node) for node in fresh)
            return [f"{len(fresh)} nodes: " + ", ".join(f"{counts[name]} {name}" for name in sorted(counts))]
        return [_line(node) for node in reversed(fresh)]

    def _is_news(self, node: node_execution_pb2.NodeExecution) -> bool:
        is_border = node.id.node_id in _BORDERS
        return not is_border and self._told.get(node.id.node_id) != node.closure.phase


def _phase(node: node_execution_pb2.NodeExecution) -> str:
    phase = node.closure.phase
    is_known = phase in NodeExecution.Phase.values()
    return str(NodeExecution.Phase.Name(phase)) if is_known else str(phase)


def _line(node: node_execution_pb2.NodeExecution) -> str:
    name, spec_name = node.id.node_id, node.metadata.spec_node_id
    what = name if spec_name in ("", name) else f"{name} ({spec_name})"
    duration = node.closure.duration.ToTimedelta().total_seconds()
    after = f" after {duration:.1f} s" if node.closure.phase in _ENDED and duration else ""
    return f"Node {what}: {_phase(node)}{after}"
