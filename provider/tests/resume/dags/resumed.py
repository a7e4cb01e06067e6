"""The Dags of the resume matrix: one task that waits for one execution, where each mode waits."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from flyte_provider.operators.flyte import FlyteOperator

try:
    from airflow.sdk import DAG
except ImportError:
    from airflow import DAG

MODES: dict[str, dict[str, Any]] = {
    "sync": {"deferrable": False},
    "deferrable": {"deferrable": True, "defer_after": 0},
    # Deferrable, and still in its slot: where a worker can be lost.
    "deferrable_in_slot": {"deferrable": True, "defer_after": 600},
}
ON_DEMAND: dict[str, Any] = {
    "schedule": None,
    "start_date": datetime(2024, 1, 1, tzinfo=timezone.utc),
    "max_active_runs": 1000,
    "max_active_tasks": 1000,
}
PATIENT: dict[str, Any] = {
    "poll_interval": 0.5,
    "max_poll_interval": 0.5,
    "retries": 99,
    "retry_delay": timedelta(seconds=1),
}

with DAG("mapped", **ON_DEMAND):
    FlyteOperator.partial(
        task_id="t", flyte_conn_id="flyte_test", launchplan_name="indexed", **PATIENT, **MODES["deferrable"]
    ).expand(inputs=[{"index": index} for index in range(100)])

for mode in ("sync", "deferrable"):
    with DAG(f"{mode}_embedded", **ON_DEMAND):
        FlyteOperator(
            task_id="t",
            flyte_conn_id="flyte_embedded",
            launchplan_name="approve",
            inputs={"duration": "PT0S"},
            **PATIENT,
            **MODES[mode],
        )

for mode, keywords in MODES.items():
    for dag_id, more in {
        mode: {},
        f"{mode}_impatient": {"poll_error_timeout": 2},
        f"{mode}_once": {"retries": 0},
    }.items():
        with DAG(dag_id, **ON_DEMAND):
            FlyteOperator(
                task_id="t",
                flyte_conn_id="flyte_test",
                launchplan_name="lp",
                **{**PATIENT, **keywords, **more},
            )
