"""Handlers of failures: they run to their end, over a kill of the server, and the first error stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from flyteidl.core.execution_pb2 import NodeExecution, WorkflowExecution

from .server import Server

WAYS = {
    "by_a_task": ["handling"],
    "by_a_workflow": ["handling", "handled"],
    "at_the_end": ["handling"],
}
"""What each workflow's handler notes down."""


def ends_as_it_should(server: Server, execution: object, log: Path, way: str) -> None:
    ended = server.remote().wait(execution, poll_interval=0.1)
    assert ended.closure.phase == WorkflowExecution.FAILED
    assert "neither" in ended.error.message
    assert log.read_text().split() == WAYS[way]
    nodes = server.remote().sync(ended, sync_nodes=True).node_executions
    (handler,) = nodes.keys() - {"start-node", "n0", "end-node"}
    assert nodes[handler].closure.phase == NodeExecution.SUCCEEDED


@pytest.mark.parametrize("way", WAYS)
def test_a_handler_may_take_its_time(standing_server: Server, tmp_path: Path, way: str) -> None:
    execution, gate, log = standing_server.launch_gated(f"handlers.{way}", tmp_path, until="handling")
    assert standing_server.remote().sync(execution).closure.phase == WorkflowExecution.FAILING
    gate.touch()
    ends_as_it_should(standing_server, execution, log, way)


@pytest.mark.parametrize("way", WAYS)
def test_a_handler_outlives_the_server(server: Server, tmp_path: Path, way: str) -> None:
    execution, gate, log = server.launch_gated(f"handlers.{way}", tmp_path, until="handling")
    server.kill()
    server.start()
    gate.touch()
    ends_as_it_should(server, execution, log, way)
