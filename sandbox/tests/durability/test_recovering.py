"""A recovered execution does again only what had not succeeded, however deep it lies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flyteidl.admin import execution_pb2
from flyteidl.core.execution_pb2 import NodeExecution, WorkflowExecution
from flytekit.remote import FlyteRemote

from .server import Server

RECOVERED, SUCCEEDED, FAILED = NodeExecution.RECOVERED, NodeExecution.SUCCEEDED, NodeExecution.FAILED


def fail_first(server: Server, tmp_path: Path) -> tuple[FlyteRemote, Any, Path]:
    log = tmp_path / "log"
    remote = server.remote()
    launched = server.launch("mending.mended", log=log, gate=tmp_path / "gate", numbers=[1, 2, 3])
    execution = remote.wait(launched, poll_interval=0.1)
    assert execution.closure.phase == WorkflowExecution.FAILED
    return remote, execution, log


def recover(remote: FlyteRemote, execution: Any) -> Any:
    request = execution_pb2.ExecutionRecoverRequest(id=execution.id.to_flyte_idl())
    created = remote.client._stub.RecoverExecution(request)
    return remote.fetch_execution(name=created.id.name)


def phases_of(nodes: dict[str, Any]) -> dict[str, int]:
    return {name: node.closure.phase for name, node in nodes.items()}


def test_only_what_had_failed_runs_again(server: Server, tmp_path: Path) -> None:
    remote, execution, log = fail_first(server, tmp_path)
    (tmp_path / "gate").touch()
    log.write_text("")
    ended = server.finish(recover(remote, execution))
    assert ended.closure.phase == WorkflowExecution.SUCCEEDED
    assert sorted(log.read_text().splitlines()) == ["counted from 7", "inside second", "yielded second"]
    assert [ended.outputs[f"o{index}"] for index in range(6)] == [
        "plain",
        "inside second",
        "yielded second",
        "7",
        "child",
        [1, 4, 9],
    ]
    nodes = ended.node_executions
    assert phases_of(nodes) == {
        "start-node": SUCCEEDED,
        "n0": RECOVERED,
        "n1": SUCCEEDED,
        "n2": SUCCEEDED,
        "n3": SUCCEEDED,
        "n4": RECOVERED,
        "n5": RECOVERED,
        "end-node": SUCCEEDED,
    }
    assert nodes["n0"].closure.deck_uri.endswith("/n0/data/0/deck.html")
    assert ended.id.name in nodes["n0"].closure.deck_uri
    inside = nodes["n1"].subworkflow_node_executions
    assert phases_of(inside)["n1-0-n0"] == RECOVERED
    yielded = nodes["n2"].subworkflow_node_executions
    assert phases_of(yielded)["n2-0-dn0"] == RECOVERED
    first_child = remote.sync(execution, sync_nodes=True).node_executions["n4"].closure.workflow_node_metadata
    assert nodes["n4"].closure.workflow_node_metadata.execution_id == first_child.execution_id


def test_a_recovered_execution_goes_on_after_a_kill(server: Server, tmp_path: Path) -> None:
    remote, execution, log = fail_first(server, tmp_path)
    (tmp_path / "gate").touch()
    recovered = recover(remote, execution)
    server.kill()
    server.start()
    ended = server.remote().wait(recovered, poll_interval=0.1)
    assert ended.closure.phase == WorkflowExecution.SUCCEEDED
    assert log.read_text().splitlines().count("plain") == 1


def test_a_recovered_execution_can_be_recovered(server: Server, tmp_path: Path) -> None:
    remote, execution, log = fail_first(server, tmp_path)
    second = remote.wait(recover(remote, execution), poll_interval=0.1)
    assert second.closure.phase == WorkflowExecution.FAILED
    (tmp_path / "gate").touch()
    third = remote.wait(recover(remote, second), poll_interval=0.1)
    assert third.closure.phase == WorkflowExecution.SUCCEEDED
    lines = log.read_text().splitlines()
    assert lines.count("plain") == lines.count("yields") == lines.count("child") == 1
    assert lines.count("inside second") == 3


def test_a_terminated_execution_is_recovered_from_its_checkpoint(server: Server, tmp_path: Path) -> None:
    execution, gate, log = server.launch_gated("slow.gated", tmp_path, until="second")
    remote = server.remote()
    remote.client.terminate_execution(execution.id, "later")
    ended = server.finish(execution)
    assert ended.closure.phase == WorkflowExecution.ABORTED
    gate.touch()
    again = remote.wait(recover(remote, ended), poll_interval=0.1)
    assert again.closure.phase == WorkflowExecution.SUCCEEDED
    assert log.read_text().split() == ["first", "second", "second", "third"]
