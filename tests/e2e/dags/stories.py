"""The Dags of the end-to-end stories: what is launched is in the run's configuration.

``{"launch_plan": "basics.hello_world.hello_wf", "inputs": {"name": "Ada"}}``
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG

from flyte_provider.operators.flyte import FlyteOperator
from flyte_provider.sensors.flyte import FlyteSensor

WHAT: dict[str, Any] = {
    "flyte_conn_id": "flyte_conn",
    "project": "flytesnacks",
    "domain": "development",
    "launchplan_name": "{{ dag_run.conf['launch_plan'] }}",
    "inputs": "{{ dag_run.conf['inputs'] | tojson }}",
}
WHERE: dict[str, Any] = {"flyte_conn_id": "flyte_conn", "project": "flytesnacks", "domain": "development"}

with DAG("launch", schedule=None):
    FlyteOperator(task_id="launch", push_outputs=True, **WHAT)

with DAG("launch_in_slot", schedule=None):
    FlyteOperator(task_id="launch", deferrable=False, **WHAT)

with DAG("launch_deferred", schedule=None):
    FlyteOperator(task_id="launch", deferrable=True, defer_after=0, **WHAT)

with DAG("sense_in_slot", schedule=None):
    launch = FlyteOperator(task_id="launch", wait_for_completion=False, **WHAT)
    FlyteSensor(task_id="sense", execution_name=launch.output, deferrable=False, **WHERE)

with DAG("sense_deferred", schedule=None):
    launch = FlyteOperator(task_id="launch", wait_for_completion=False, **WHAT)
    FlyteSensor(task_id="sense", execution_name=launch.output, deferrable=True, defer_after=0, **WHERE)
