"""Hours pass at once, over kills too: sleeps, approvals and timeouts of a server in another process."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from flyteidl.core.execution_pb2 import WorkflowExecution
from flytekit.models.execution import ExecutionMetadata
from flytekit.models.launch_plan import LaunchPlanState
from flytekit.remote import FlyteRemote, FlyteWorkflowExecution

from flyte_sandbox.testing import skip

from ..waiting import eventually
from .server import Server

MINUTE = timedelta(minutes=1)


@pytest.fixture
def options() -> list[str]:
    return ["--skippable-clock"]


def wait(remote: FlyteRemote, execution: FlyteWorkflowExecution) -> FlyteWorkflowExecution:
    ended = remote.wait(execution, timeout=timedelta(seconds=60), poll_interval=timedelta(seconds=0.1))
    return remote.sync(ended, sync_nodes=True)


def test_a_sleep_of_an_hour_passes_at_once_with_a_kill_in_the_middle(server: Server) -> None:
    execution = server.launch("patient.naps", name="you")
    eventually(lambda: "n0" in server.remote().sync(execution, sync_nodes=True).node_executions)
    skip(server.state, 49 * MINUTE)
    server.kill()
    server.start()
    assert not server.remote().sync(execution).is_done
    skip(server.state, 2 * MINUTE)
    ended = wait(server.remote(), execution)
    assert ended.outputs["o0"] == "hello you"
    nap, greeting = (ended.node_executions[name].closure for name in ("n0", "n1"))
    assert nap.duration >= 50 * MINUTE
    assert ended.closure.started_at <= nap.started_at < nap.started_at + nap.duration <= greeting.started_at
    assert ended.closure.duration >= 50 * MINUTE


def test_an_approval_that_nobody_gives_runs_out(server: Server) -> None:
    remote = server.remote()
    execution = server.launch("patient.asks", name="you")
    eventually(lambda: remote.list_signals(execution.id.name))
    skip(server.state, 61 * MINUTE)
    ended = wait(remote, execution)
    assert ended.closure.phase == WorkflowExecution.FAILED
    assert "task execution timeout [1h0m0s] expired" in ended.error.message


def test_an_attempt_that_takes_too_long_is_ended_and_the_next_one_has_its_own_hour(
    server: Server, tmp_path: Path
) -> None:
    remote, log, gate = server.remote(), tmp_path / "log", tmp_path / "gate"
    execution = server.launch("patient.dawdles", gate=gate, log=log)
    eventually(lambda: log.exists() and log.read_text() == "attempt\n")
    skip(server.state, 61 * MINUTE)
    eventually(lambda: log.read_text() == "attempt\nattempt\n")
    gate.touch()
    ended = wait(remote, execution)
    assert ended.outputs["o0"] == "done"
    attempts = ended.node_executions["n0"].task_executions
    assert len(attempts) == 2


def test_schedules_of_flytekit_launch_at_their_times(server: Server) -> None:
    server.register("scheduled")
    remote = server.remote()
    for plan in ("daily_report", "every_six_hours"):
        id = remote.fetch_launch_plan(name=f"examples.scheduled.{plan}", version="v1").id
        remote.client.update_launch_plan(id, LaunchPlanState.ACTIVE)
    skip(server.state, timedelta(days=1, minutes=1))

    def ended(plan: str) -> list[FlyteWorkflowExecution]:
        found = [one for one in remote.recent_executions() if one.spec.launch_plan.name.endswith(plan)]
        return [wait(remote, one) for one in found]

    eventually(lambda: len(ended("every_six_hours")) == 4)
    (report,) = ended("daily_report")
    assert report.outputs["o0"] == "06:30 5"
    assert report.spec.metadata.mode == ExecutionMetadata.ExecutionMode.SCHEDULED
