"""Each change of a node's phase is told once, and a crowd in numbers."""

from __future__ import annotations

from flyteidl.admin import node_execution_pb2
from flyteidl.core.execution_pb2 import NodeExecution as Phase

from flyte_provider._client.progress import MOST_LINES, Progress


def node(name: str, phase: int, seconds: int = 0, spec_name: str = "") -> node_execution_pb2.NodeExecution:
    entry = node_execution_pb2.NodeExecution()
    entry.id.node_id = name
    entry.metadata.spec_node_id = spec_name or name
    entry.closure.phase = phase
    entry.closure.duration.FromSeconds(seconds)
    return entry


def test_a_change_is_told_once_oldest_first() -> None:
    progress = Progress()
    newest_first = [
        node("n1", Phase.RUNNING),
        node("n0", Phase.SUCCEEDED, 3),
        node("start-node", Phase.SUCCEEDED),
    ]
    assert progress.take(newest_first) == ["Node n0: SUCCEEDED after 3.0 s", "Node n1: RUNNING"]
    assert progress.take(newest_first) == []
    assert progress.take([node("n1", Phase.FAILED, 1)]) == ["Node n1: FAILED after 1.0 s"]


def test_a_node_of_another_name_tells_both() -> None:
    assert Progress().take([node("n0-0-n1", Phase.RUNNING, spec_name="n1")]) == ["Node n0-0-n1 (n1): RUNNING"]


def test_many_changes_are_told_in_numbers() -> None:
    progress = Progress()
    many = [node(f"n{index}", Phase.RUNNING) for index in range(MOST_LINES)]
    assert progress.take([*many, node("x", Phase.QUEUED)]) == ["21 nodes: 1 QUEUED, 20 RUNNING"]
    assert progress.take([node("x", 99)]) == ["Node x: 99"]
