"""Dags as people wrote them for airflow-provider-flyte 0.0.5, with every keyword that it knew; only
``schedule_interval`` is ``schedule``, which Airflow 3 asks for.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow import DAG
from airflow.decorators import task as task_of_python

from flyte_provider.hooks.flyte import FlyteHook
from flyte_provider.operators.flyte import FlyteOperator
from flyte_provider.sensors.flyte import FlyteSensor

WHERE = {"flyte_conn_id": "flyte_test", "project": "flytesnacks", "domain": "development"}


def make_dag(dag_id: str) -> DAG:
    start_date = datetime(2024, 1, 1, tzinfo=timezone.utc)
    return DAG(dag_id, schedule=None, start_date=start_date, dagrun_timeout=timedelta(minutes=60))


with make_dag("launches_a_plan_and_awaits_it") as dag:
    task = FlyteOperator(
        task_id="launch",
        launchplan_name="scoring.train",
        max_parallelism=4,
        raw_output_data_config="s3://flyte/raw",
        kubernetes_service_account="trainer",
        oauth2_client={"client_id": "me", "client_secret": "name_of_a_secret"},
        labels={"team": "risk"},
        annotations={"ticket": "42"},
        secrets=[{"group": "warehouse", "key": "password", "group_version": "v2"}],
        notifications=[{"phases": ["SUCCEEDED"], "email": {"recipients_email": ["risk@example.com"]}}],
        disable_notifications=False,
        version="v1",
        inputs={"ratio": 0.5, "seed": 7},
        **WHERE,
    )
    sensor = FlyteSensor(task_id="wait", execution_name=task.output, poke_interval=0.1, **WHERE)
    task >> sensor

with make_dag("launches_a_task"):
    FlyteOperator(task_id="launch", task_name="scoring.square", inputs={"x": 3}, **WHERE)

with make_dag("launches_without_inputs"):
    FlyteOperator(task_id="launch", launchplan_name="scoring.nothing", inputs={}, labels={}, **WHERE)

with make_dag("uses_the_hook"):

    @task_of_python
    def launch(run_id: str | None = None) -> bool:
        hook = FlyteHook("flyte_test", "flytesnacks", "development")
        name = "fhook" + str(run_id).encode().hex()[-12:]
        hook.trigger_execution(name, "scoring.train", inputs={"ratio": 0.1, "seed": 1})
        return bool(hook.execution_status(name, hook.get_conn()))

    launch()
