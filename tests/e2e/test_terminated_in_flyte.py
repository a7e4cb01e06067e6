"""Terminating an execution in Flyte fails the Airflow task that waits for it, with the cause given."""

from __future__ import annotations

from .harness import gate as gates
from .harness.airflow import Airflow
from .harness.eventually import eventually
from .harness.flyte import Flyte
from .harness.gate import Gate

CAUSE = "the input was yesterday's"


def test_terminating_the_execution_fails_the_airflow_task(airflow: Airflow, flyte: Flyte, gate: Gate) -> None:
    run = airflow.trigger("launch_deferred", launch_plan=gates.LAUNCH_PLAN, inputs=gate.inputs)
    task = run.task("launch")
    task.wait_for("deferred")
    eventually(lambda: gate.is_waited_at)
    execution = flyte.execution(task.execution_name)

    execution.terminate(CAUSE)

    assert task.wait() == "failed"
    assert execution.phase == "ABORTED"
    assert CAUSE in task.log()
    assert execution.url in task.log()
    assert run.wait() == "failed"
