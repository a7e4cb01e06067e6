"""What OpenLineage is told about, in both ways of waiting; run by test_lineage.py."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from airflow import DAG

from flyte_provider.operators.flyte import FlyteOperator

TRAIN: dict[str, Any] = {
    "launchplan_name": "scoring.train",
    "inputs": {"dataset": "s3://lake/pima/{{ 'raw' }}.csv"},
    "return_value": "outputs",
    "openlineage_inject_parent_job_info": True,
}

for dag_id, more in {
    "waits": {"deferrable": False},
    "defers": {"deferrable": True, "defer_after": 0, "poll_interval": 0.1},
}.items():
    with DAG(dag_id, schedule=None, start_date=datetime(2024, 1, 1, tzinfo=timezone.utc)):
        FlyteOperator(task_id="train", **TRAIN, **more)
