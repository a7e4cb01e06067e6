"""The Dag behind the how-to page of approvals that needs Airflow 3.1: a human answers in Airflow."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import DAG, task

from flyte_provider.hooks.flyte import FlyteHook
from flyte_provider.operators.flyte import FlyteOperator
from flyte_provider.sensors.flyte import FlyteSensor

DEFAULTS: dict[str, Any] = {
    "schedule": None,
    "start_date": datetime(2024, 1, 1, tzinfo=timezone.utc),
    "default_args": {"flyte_conn_id": "flyte_conn", "project": "flytesnacks", "domain": "development"},
}

with DAG("howto_approve", **DEFAULTS):
    # [START approve]
    launch = FlyteOperator(task_id="launch", launchplan_name="scoring.release", wait_for_completion=False)
    ask = HITLOperator(
        task_id="ask",
        subject="Release this model?",
        body="{{ ti.xcom_pull(task_ids='launch', key='flyte_console_url') }}",
        options=["release", "keep back"],
    )

    @task
    def answer(execution_name: str, asked: dict[str, Any]) -> None:
        hook = FlyteHook("flyte_conn", project="flytesnacks", domain="development")
        says_yes = asked["chosen_options"] == ["release"]
        hook.set_signal(execution_name, "approve", says_yes, timeout_seconds=3600)

    wait = FlyteSensor(task_id="wait", execution_name=launch.output)
    launch >> ask
    answer(launch.output, ask.output) >> wait
    # [END approve]
