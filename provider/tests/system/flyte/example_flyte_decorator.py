"""``@task.flyte``: a function gives the inputs."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

try:
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.decorators import task

from flyte_provider.decorators.flyte import flyte_task

DAG_ID = "example_flyte_decorator"

with DAG(
    DAG_ID,
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    tags=["example", "flyte"],
) as dag:
    # [START howto_decorator_flyte]
    @flyte_task(launchplan_name="basics.hello_world.hello_wf", return_value="outputs")
    def greet(names: list[str]) -> dict[str, Any]:
        return {"name": " and ".join(names)}

    @task
    def check(outputs: dict[str, Any]) -> None:
        if outputs != {"o0": "Hello, Ada and Grace!"}:
            raise ValueError(outputs)

    check(greet(["Ada", "Grace"]))
    # [END howto_decorator_flyte]

    from tests_common.test_utils.watcher import watcher

    list(dag.tasks) >> watcher()

from tests_common.test_utils.system_tests import get_test_run  # noqa: E402 - the Dag is complete

test_run = get_test_run(dag)
