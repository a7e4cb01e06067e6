"""FlyteOperator: waiting in a worker and in the triggerer, a single task, one execution for each input."""

from __future__ import annotations

from datetime import datetime, timezone

from airflow import DAG
from tests_common.test_utils.system_tests import get_test_env_id

from flyte_provider.operators.flyte import FlyteOperator

ENV_ID = get_test_env_id()
DAG_ID = "example_flyte_operator"

with DAG(
    DAG_ID,
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    tags=["example", "flyte"],
) as dag:
    # [START howto_operator_flyte]
    launch_plan = FlyteOperator(
        task_id="launch_plan",
        launchplan_name="basics.hello_world.hello_wf",
        inputs={"name": f"launch plan {ENV_ID}"},
        return_value="outputs",
        deferrable=False,
    )
    # [END howto_operator_flyte]

    # [START howto_operator_flyte_deferrable]
    deferred = FlyteOperator(
        task_id="deferred",
        launchplan_name="basics.hello_world.hello_wf",
        inputs={"name": "{{ ti.xcom_pull('launch_plan')['o0'] }}"},
        deferrable=True,
    )
    # [END howto_operator_flyte_deferrable]

    # [START howto_operator_flyte_task]
    single_task = FlyteOperator(
        task_id="single_task", task_name="basics.hello_world.greet", inputs={"name": "task"}
    )
    # [END howto_operator_flyte_task]

    # [START howto_operator_flyte_mapped]
    mapped = FlyteOperator.partial(
        task_id="mapped", launchplan_name="basics.hello_world.hello_wf", max_active_tis_per_dag=2
    ).expand(inputs=[{"name": name} for name in ("Ada", "Grace")])
    # [END howto_operator_flyte_mapped]

    launch_plan >> deferred >> single_task >> mapped

    from tests_common.test_utils.watcher import watcher

    list(dag.tasks) >> watcher()

from tests_common.test_utils.system_tests import get_test_run  # noqa: E402 - the Dag is complete

test_run = get_test_run(dag)
