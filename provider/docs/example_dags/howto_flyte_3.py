"""The Dags behind the how-to pages that need Airflow 3: assets and their watchers."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from airflow.sdk import DAG, AssetWatcher

from flyte_provider.assets.flyte import create_asset
from flyte_provider.operators.flyte import FlyteOperator
from flyte_provider.triggers.flyte import FlyteExecutionEventTrigger

DEFAULTS: dict[str, Any] = {
    "start_date": datetime(2024, 1, 1, tzinfo=timezone.utc),
    "default_args": {"flyte_conn_id": "flyte_conn", "project": "flytesnacks", "domain": "development"},
}
PLACE = {"host": "flyte.example.com", "project": "flytesnacks", "domain": "development"}

with DAG("howto_outlet", schedule=None, **DEFAULTS):
    # [START outlet]
    FlyteOperator(
        task_id="train",
        launchplan_name="scoring.train",
        inputs={"ratio": 0.5, "seed": 7},
        outlets=[create_asset(**PLACE, launchplan="scoring.train")],
    )
    # [END outlet]

# [START watcher]
trained = create_asset(**PLACE, launchplan="scoring.watched")
trained.watchers = [
    AssetWatcher(
        name="trained",
        trigger=FlyteExecutionEventTrigger(
            "flyte_conn", project="flytesnacks", domain="development", launchplan_name="scoring.watched"
        ),
    )
]
# [END watcher]

with DAG("howto_watcher", schedule=[trained], **DEFAULTS):
    FlyteOperator(task_id="report", launchplan_name="scoring.nothing")
