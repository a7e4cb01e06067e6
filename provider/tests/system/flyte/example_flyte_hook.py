"""FlyteHook: an execution that waits for somebody's consent gets it from Airflow."""

from __future__ import annotations

from datetime import datetime, timezone

try:
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.decorators import task

from flyte_provider.hooks.flyte import FlyteHook
from flyte_provider.operators.flyte import FlyteOperator
from flyte_provider.sensors.flyte import FlyteSensor

DAG_ID = "example_flyte_hook"

with DAG(
    DAG_ID,
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    tags=["example", "flyte"],
) as dag:
    launch = FlyteOperator(
        task_id="launch", launchplan_name="basics.waiting.waiting_wf", wait_for_completion=False
    )

    # [START howto_hook_flyte_signals]
    @task.sensor(poke_interval=1, timeout=120, mode="poke")
    def give(execution_name: str, signal_id: str, value: str | bool) -> bool:
        hook = FlyteHook()
        is_asked_for = signal_id in [signal["signal_id"] for signal in hook.list_signals(execution_name)]
        if is_asked_for:
            hook.set_signal(execution_name, signal_id, value)
        return is_asked_for

    title = give.override(task_id="title")(launch.output, "title", "Taxis in Rome")
    approval = give.override(task_id="approval")(launch.output, "approve-report", True)
    # [END howto_hook_flyte_signals]

    published = FlyteSensor(task_id="published", execution_name=launch.output, poke_interval=1, timeout=120)

    @task(trigger_rule="all_done")
    def clean_up(execution_name: str) -> None:
        FlyteHook().terminate(execution_name, "the system test is over")

    title >> approval >> published >> clean_up(launch.output)

    from tests_common.test_utils.watcher import watcher

    # The last task runs whatever happens; without the watcher it alone would give the run its colour.
    list(dag.tasks) >> watcher()

from tests_common.test_utils.system_tests import get_test_run  # noqa: E402 - the Dag is complete

test_run = get_test_run(dag)
