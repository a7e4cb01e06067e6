"""What a killed or stopped server leaves behind is picked up by the next one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from flyteidl.core.execution_pb2 import WorkflowExecution

from ..waiting import eventually
from .conftest import marked
from .server import Server


def test_killed_in_mid_run_the_execution_ends_green_and_no_task_runs_twice(
    server: Server, tmp_path: Path
) -> None:
    execution, gate, log = server.launch_gated("slow.gated", tmp_path, until="second")
    server.kill()
    gate.touch()
    server.start()
    ended = server.remote().wait(execution, poll_interval=0.1)
    assert ended.closure.phase == WorkflowExecution.SUCCEEDED
    assert log.read_text().split() == ["first", "second", "third"]


def test_a_task_that_still_runs_is_adopted(server: Server, tmp_path: Path) -> None:
    execution, gate, log = server.launch_gated("slow.gated", tmp_path, until="second")
    server.kill()
    server.start()
    assert server.remote().fetch_execution(name=execution.id.name).closure.phase == WorkflowExecution.RUNNING
    gate.touch()
    ended = server.remote().wait(execution, poll_interval=0.1)
    assert ended.closure.phase == WorkflowExecution.SUCCEEDED
    assert log.read_text().split() == ["first", "second", "third"]


def test_an_orderly_stop_ends_the_task_and_the_next_start_begins_it_again_without_a_retry(
    server: Server, tmp_path: Path
) -> None:
    execution, gate, log = server.launch_gated("slow.gated", tmp_path, until="second")
    server.stop()
    eventually(lambda: not marked(server.mark))
    server.start()
    eventually(lambda: log.read_text().split() == ["first", "second", "second"])
    gate.touch()
    ended = server.remote().wait(execution, poll_interval=0.1)
    assert ended.closure.phase == WorkflowExecution.SUCCEEDED
    nodes = server.remote().sync(ended, sync_nodes=True).node_executions
    assert [one.id.retry_attempt for one in nodes["n1"].task_executions] == [0]


def test_terminating_is_finished_by_the_next_server(server: Server, tmp_path: Path) -> None:
    execution, _, _ = server.launch_gated("slow.gated", tmp_path, until="second")
    server.remote().client.terminate_execution(execution.id, "enough")
    server.kill()
    server.start()
    ended = server.remote().wait(execution, poll_interval=0.1)
    assert ended.closure.phase == WorkflowExecution.ABORTED
    assert ended.closure.abort_metadata.cause == "enough"


def test_a_stubborn_task_and_its_children_are_gone_after_a_stop(server: Server, tmp_path: Path) -> None:
    log = tmp_path / "pids"
    server.launch("slow.cannot_be_asked", log=log)
    eventually(lambda: log.exists() and log.read_text().endswith("\n"))
    server.stop()
    assert marked(server.mark) == []


def test_a_terminated_stubborn_task_is_killed(server: Server, tmp_path: Path) -> None:
    log = tmp_path / "pids"
    remote = server.remote()
    execution = server.launch("slow.cannot_be_asked", log=log)
    eventually(lambda: log.exists() and log.read_text().endswith("\n"))
    pids = {int(pid) for pid in log.read_text().split()}
    remote.client.terminate_execution(execution.id, "now")
    ended = remote.wait(execution, poll_interval=0.1)
    assert ended.closure.phase == WorkflowExecution.ABORTED
    eventually(lambda: not pids & {process.pid for process in marked(server.mark)})


def test_runs_of_yesterday_are_still_there(server: Server, tmp_path: Path) -> None:
    execution = server.finish(server.launch("hello.hello", name="old"))
    server.stop()
    server.start()
    again = server.remote().fetch_execution(name=execution.id.name)
    assert server.remote().sync(again).outputs["o0"] == "HELLO OLD"


def test_a_second_server_on_the_same_state_is_refused(server: Server) -> None:
    command = [sys.executable, "-m", "flyte_sandbox", "serve", "--state", str(server.state), "--port", "0"]
    second = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert second.returncode == 1
    assert second.stderr.count("\n") == 1
    assert f"(pid {server.process.pid}) uses the state folder" in second.stderr


def test_a_busy_port_stops_the_start_before_anything_is_written(server: Server, tmp_path: Path) -> None:
    other = tmp_path / "other"
    command = [sys.executable, "-m", "flyte_sandbox", "serve", "--state", str(other)]
    second = subprocess.run(
        [*command, "--port", str(server.port)], capture_output=True, text=True, timeout=30, check=False
    )
    assert second.returncode == 1
    assert str(server.port) in second.stderr
    assert not (other / "flyte.db").exists()
