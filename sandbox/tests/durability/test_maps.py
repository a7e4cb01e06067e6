"""Map tasks: over launch plans, with elements that fail, over a kill of the server."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from typing import Any

from flyteidl.core.execution_pb2 import TaskExecution, WorkflowExecution

from ..waiting import eventually
from .server import Server


def children_of(server: Server, execution: Any) -> set[str]:
    found, _ = server.remote().client.list_executions_paginated("flytesnacks", "development", limit=100)
    return {
        one.id.name
        for one in found
        if (parent := one.spec.metadata.parent_node_execution) is not None
        and parent.execution_id.name == execution.id.name
    }


def test_a_launch_plan_is_mapped_over(standing_server: Server) -> None:
    execution = standing_server.finish(standing_server.launch("maps.plans", numbers=[2, 4, 6]))
    assert execution.closure.phase == WorkflowExecution.SUCCEEDED, execution.closure.error
    assert execution.outputs["o0"] == [2, 4, 6]
    (attempt,) = execution.node_executions["n0"].task_executions
    resources = attempt.closure.metadata.external_resources
    assert [one.phase for one in resources] == [TaskExecution.SUCCEEDED] * 3
    told = {one.workflow_node_metadata.execution_id.name for one in resources}
    assert told == children_of(standing_server, execution)


def test_no_items_make_no_executions(standing_server: Server) -> None:
    execution = standing_server.finish(standing_server.launch("maps.plans", numbers=[]))
    assert execution.closure.phase == WorkflowExecution.SUCCEEDED, execution.closure.error
    assert execution.outputs["o0"] == []


def test_an_execution_that_fails_leaves_a_gap(standing_server: Server) -> None:
    execution = standing_server.finish(standing_server.launch("maps.half_of_plans", numbers=[2, 3, 4]))
    assert execution.closure.phase == WorkflowExecution.SUCCEEDED, execution.closure.error
    assert execution.outputs["o0"] == [2, None, 4]


def test_a_failed_execution_fails_the_array_that_needs_all(standing_server: Server) -> None:
    execution = standing_server.finish(standing_server.launch("maps.plans", numbers=[2, 3]))
    assert execution.closure.phase == WorkflowExecution.FAILED
    assert execution.error.message.startswith("[1]: ")
    assert "odd" in execution.error.message


def test_each_element_has_a_link_to_its_log(standing_server: Server) -> None:
    execution = standing_server.finish(standing_server.launch("maps.half_may_fail", numbers=[2, 3]))
    assert execution.outputs["o0"] == [2, None]
    (attempt,) = execution.node_executions["n0"].task_executions
    elements = sorted(attempt.closure.metadata.external_resources, key=lambda one: one.index)
    pages = []
    for element in elements:
        with urllib.request.urlopen(element.logs[0].uri) as answer:  # noqa: S310
            pages.append(answer.read().decode())
    assert ["ValueError: odd" in page for page in pages] == [False, True]


def test_some_must_succeed(standing_server: Server) -> None:
    execution = standing_server.finish(standing_server.launch("maps.at_least_two", numbers=[1, 2, 3, 4]))
    assert execution.closure.phase == WorkflowExecution.SUCCEEDED
    execution = standing_server.finish(standing_server.launch("maps.at_least_two", numbers=[1, 2, 3]))
    assert execution.closure.phase == WorkflowExecution.FAILED


def test_executions_of_an_array_outlive_the_server(server: Server, tmp_path: Path) -> None:
    gates = [str(tmp_path / name) for name in ("a", "b")]
    execution = server.launch("maps.gated_plans", gates=gates, numbers=[1, 2])
    eventually(lambda: len(children_of(server, execution)) == 2)
    Path(gates[1]).touch()
    server.kill()
    server.start()
    Path(gates[0]).touch()
    ended = server.finish(execution)
    assert ended.outputs["o0"] == [1, 2]
    assert len(children_of(server, execution)) == 2


def test_terminating_an_array_ends_its_executions(server: Server, tmp_path: Path) -> None:
    gates = [str(tmp_path / name) for name in ("a", "b")]
    execution = server.launch("maps.gated_plans", gates=gates, numbers=[1, 2])
    eventually(lambda: len(children_of(server, execution)) == 2)
    server.remote().client.terminate_execution(execution.id, "enough")
    assert server.finish(execution).closure.phase == WorkflowExecution.ABORTED
    remote = server.remote()
    for name in children_of(server, execution):
        child = remote.fetch_execution(name=name)
        assert remote.wait(child, poll_interval=0.1).closure.phase == WorkflowExecution.ABORTED
