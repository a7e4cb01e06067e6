"""Dags that put operator and sensor into each mode; run by test_dag_runs.py."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from airflow import DAG

from flyte_provider.decorators.flyte import flyte_task
from flyte_provider.operators.flyte import FlyteOperator
from flyte_provider.sensors.flyte import FlyteSensor

CONN: dict[str, Any] = {"flyte_conn_id": "flyte_test"}
HELLO: dict[str, Any] = {"launchplan_name": "basics.hello_world.hello_wf", **CONN}
DEFERS = {"deferrable": True, "defer_after": 0}


def make_dag(dag_id: str) -> DAG:
    return DAG(dag_id, schedule=None, start_date=datetime(2024, 1, 1, tzinfo=timezone.utc))


with make_dag("deferred_operator"):
    FlyteOperator(task_id="t", poll_interval=0.05, **HELLO, **DEFERS)

with make_dag("deferred_sensor"):
    FlyteSensor(task_id="t", execution_name="e1", poke_interval=0.05, **CONN, **DEFERS)

with make_dag("waiting_operator"):
    FlyteOperator(task_id="t", deferrable=False, **HELLO)

with make_dag("mapped_operator"):
    FlyteOperator.partial(task_id="t", **HELLO).expand(inputs=[{"name": str(index)} for index in range(5)])

with make_dag("operator_and_sensor"):
    launch = FlyteOperator(task_id="launch", wait_for_completion=False, **HELLO)
    FlyteSensor(task_id="wait", execution_name=launch.output["flyte_execution"], **CONN)

with make_dag("rescheduled_sensor"):
    FlyteSensor(task_id="t", execution_name="e1", mode="reschedule", poke_interval=0.01, **CONN)

RETRIES: dict[str, Any] = {"retries": 1, "retry_delay": timedelta(0), "poll_interval": 0.05}

with make_dag("retried_operator"):
    FlyteOperator(task_id="t", deferrable=False, **HELLO, **RETRIES)

with make_dag("operator_that_loses_contact"):
    FlyteOperator(task_id="t", deferrable=False, poll_error_timeout=0.1, **HELLO, **RETRIES)

with make_dag("fires_and_forgets"):
    FlyteOperator(task_id="t", wait_for_completion=False, **HELLO)

with make_dag("decorated"):

    @flyte_task(return_value="outputs", deferrable=False, **HELLO)
    def greet(name: str, dag: Any = None) -> dict[str, Any]:
        return {"name": f"{name} of {dag.dag_id}"}

    greet("Ada")

with make_dag("decorated_and_deferred"):

    @flyte_task(task_id="greet", return_value="outputs", poll_interval=0.05, **HELLO, **DEFERS)
    def greet_later(name: str) -> dict[str, Any]:
        return {"name": name}

    greet_later("{{ 'Ada' }}")

with make_dag("decorated_and_mapped"):

    @flyte_task(task_id="greet", deferrable=False, **HELLO)
    def greet_each(name: str) -> dict[str, Any]:
        return {"name": name}

    greet_each.expand(name=["Ada", "Grace", "Edsger"])
