"""What the catalog remembers, and who waits for whom while it does not yet."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from flyteidl.core.catalog_pb2 import CACHE_HIT, CACHE_POPULATED
from flyteidl.core.execution_pb2 import NodeExecution, TaskExecution, WorkflowExecution

from ..waiting import eventually
from .server import Server


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log"
    path.touch()
    return path


def finish(server: Server, execution: Any) -> Any:
    ended = server.finish(execution)
    assert ended.closure.phase == WorkflowExecution.SUCCEEDED, ended.closure.error
    return ended


def run(server: Server, workflow: str, **inputs: Any) -> Any:
    return finish(server, server.launch(f"cached.{workflow}", **inputs))


def phase_of(server: Server, execution: Any) -> int | None:
    nodes = server.remote().sync(execution, sync_nodes=True).node_executions
    return nodes["n0"].closure.phase if "n0" in nodes else None


def status_of(node: Any) -> int:
    return int(node.closure.task_node_metadata.cache_status)


def one_works_one_waits(server: Server, seed: str, log: Path) -> tuple[Any, Any, Path]:
    """:return: the two executions, and the gate that the one that works waits at."""
    gate = log.with_name("gate")
    inputs = {"seed": seed, "gate": gate, "log": log}
    first = server.launch("cached.one_at_a_time", **inputs)
    eventually(lambda: log.read_text() == f"{seed}\n")
    second = server.launch("cached.one_at_a_time", **inputs)
    eventually(lambda: phase_of(server, second) == NodeExecution.QUEUED)
    return first, second, gate


def test_of_equal_tasks_at_the_same_time_one_works(standing_server: Server, log: Path) -> None:
    first, second, gate = one_works_one_waits(standing_server, "a", log)
    gate.touch()
    first, second = finish(standing_server, first), finish(standing_server, second)
    assert first.outputs["o0"] == second.outputs["o0"]
    assert log.read_text() == "a\n"
    assert status_of(first.node_executions["n0"]) == CACHE_POPULATED
    assert status_of(second.node_executions["n0"]) == CACHE_HIT
    assert second.node_executions["n0"].task_executions == []


def test_two_nodes_of_one_execution_share_the_work_too(
    standing_server: Server, tmp_path: Path, log: Path
) -> None:
    (tmp_path / "gate").touch()
    ended = run(standing_server, "two_at_once", seed=uuid.uuid4().hex, gate=tmp_path / "gate", log=log)
    assert ended.outputs["o0"] == ended.outputs["o1"]
    assert len(log.read_text().splitlines()) == 1


def test_who_waits_takes_over_from_one_that_is_terminated(standing_server: Server, log: Path) -> None:
    first, second, gate = one_works_one_waits(standing_server, "b", log)
    standing_server.remote().client.terminate_execution(first.id, "never mind")
    eventually(lambda: log.read_text() == "b\nb\n")
    gate.touch()
    assert status_of(finish(standing_server, second).node_executions["n0"]) == CACHE_POPULATED


def test_the_next_server_keeps_who_works_and_who_waits(server: Server, log: Path) -> None:
    first, second, gate = one_works_one_waits(server, "c", log)
    server.kill()
    server.start()
    assert phase_of(server, second) == NodeExecution.QUEUED
    gate.touch()
    assert finish(server, first).outputs["o0"] == finish(server, second).outputs["o0"]
    assert log.read_text() == "c\n"


def test_elements_of_a_map_task_are_remembered_one_by_one(standing_server: Server, log: Path) -> None:
    run(standing_server, "mapped", numbers=[1, 2], log=log)
    ended = run(standing_server, "mapped", numbers=[2, 3, 1], log=log)
    assert ended.outputs["o0"] == [4, 9, 1]
    assert sorted(log.read_text().split()) == ["1", "2", "3"]
    (attempt,) = ended.node_executions["n0"].task_executions
    told = {one.index: one for one in attempt.closure.metadata.external_resources}
    assert [told[index].cache_status for index in range(3)] == [CACHE_HIT, CACHE_POPULATED, CACHE_HIT]
    assert {one.phase for one in told.values()} == {TaskExecution.SUCCEEDED}


def test_a_dynamic_task_is_remembered_as_a_whole(standing_server: Server, log: Path) -> None:
    assert run(standing_server, "dynamically", count=5, log=log).outputs["o0"] == 25
    again = run(standing_server, "dynamically", count=5, log=log)
    assert again.outputs["o0"] == 25
    assert log.read_text().split() == ["yields", "5"]
    assert status_of(again.node_executions["n0"]) == CACHE_HIT


def test_a_hash_stands_for_the_value(standing_server: Server, log: Path) -> None:
    assert run(standing_server, "by_hash", text="apple", log=log).outputs["o0"] == "apple"
    again = run(standing_server, "by_hash", text="apricot", log=log)
    assert again.outputs["o0"] == "apple"
    source = again.node_executions["n1"].closure.task_node_metadata.catalog_key.source_task_execution
    assert source.task_id.name == "examples.cached.consume"
    assert log.read_text() == "apple\n"
