"""FlyteSensor: what one task launches is waited for by others."""

from __future__ import annotations

from datetime import datetime, timezone

from airflow import DAG

from flyte_provider.operators.flyte import FlyteOperator
from flyte_provider.sensors.flyte import FlyteSensor

DAG_ID = "example_flyte_sensor"

with DAG(
    DAG_ID,
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    tags=["example", "flyte"],
) as dag:
    # [START howto_sensor_flyte]
    launch = FlyteOperator(
        task_id="launch", launchplan_name="basics.hello_world.hello_wf", wait_for_completion=False
    )
    wait = FlyteSensor(task_id="wait", execution_name=launch.output, poke_interval=1, timeout=120)
    # [END howto_sensor_flyte]

    launch_again = FlyteOperator(
        task_id="launch_again", launchplan_name="basics.hello_world.hello_wf", wait_for_completion=False
    )
    # [START howto_sensor_flyte_deferrable]
    wait_deferred = FlyteSensor(
        task_id="wait_deferred",
        execution_name=launch_again.output,
        deferrable=True,
        timeout=120,
        terminate_on_timeout=True,
    )
    # [END howto_sensor_flyte_deferrable]

    wait >> launch_again

    from tests_common.test_utils.watcher import watcher

    list(dag.tasks) >> watcher()

from tests_common.test_utils.system_tests import get_test_run  # noqa: E402 - the Dag is complete

test_run = get_test_run(dag)
