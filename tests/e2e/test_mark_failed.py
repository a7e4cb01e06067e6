"""Marking a task failed in Airflow aborts its Flyte execution, with a cause that names the task.

Whether the operator or the sensor waits for it, and whether it waits in a worker's slot or in the triggerer.
"""

from __future__ import annotations

import psutil
import pytest

from .harness import gate as gates
from .harness.airflow import Airflow
from .harness.eventually import eventually
from .harness.flyte import Flyte
from .harness.gate import Gate

WAYS = [
    ("launch_in_slot", "launch", "running"),
    ("launch_deferred", "launch", "deferred"),
    ("sense_in_slot", "sense", "running"),
    ("sense_deferred", "sense", "deferred"),
]


@pytest.mark.parametrize(("dag_id", "task_id", "state"), WAYS, ids=[dag_id for dag_id, _, _ in WAYS])
def test_marking_failed_aborts_the_execution(
    airflow: Airflow, flyte: Flyte, gate: Gate, dag_id: str, task_id: str, state: str
) -> None:
    run = airflow.trigger(dag_id, launch_plan=gates.LAUNCH_PLAN, inputs=gate.inputs)
    task = run.task(task_id)
    task.wait_for(state)
    eventually(lambda: task.is_in_triggerer == (state == "deferred"))
    eventually(lambda: gate.is_waited_at)
    execution = flyte.execution(run.task("launch").execution_name)

    task.mark_failed()

    assert execution.wait() == "ABORTED"
    assert f"{dag_id}.{task_id}" in execution.abort_cause
    assert run.wait() == "failed"
    assert gate.notes == ["begin", "wait"], "the workflow went on"
    eventually(lambda: not psutil.pid_exists(gate.pid))
