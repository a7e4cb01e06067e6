"""The Dag behind the how-to page of retry policies, which Airflow has from 3.3 on."""

from __future__ import annotations

from datetime import datetime, timezone

from airflow.sdk import DAG

from flyte_provider.operators.flyte import FlyteOperator
from flyte_provider.retry import FlyteRetryPolicy

with DAG("howto_retry_policy", schedule=None, start_date=datetime(2024, 1, 1, tzinfo=timezone.utc)):
    # [START retry_policy]
    FlyteOperator(
        task_id="train",
        flyte_conn_id="flyte_conn",
        project="flytesnacks",
        domain="development",
        launchplan_name="scoring.train",
        inputs={"ratio": 0.5, "seed": 7},
        retries=5,
        retry_policy=FlyteRetryPolicy(),
    )
    # [END retry_policy]
