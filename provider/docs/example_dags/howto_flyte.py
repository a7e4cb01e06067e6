"""The Dags behind the how-to pages: each page shows the parts between ``[START …]`` and ``[END …]``."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta, timezone
from typing import Any

from airflow import DAG
from airflow.decorators import task

from flyte_provider.decorators.flyte import flyte_task
from flyte_provider.exceptions import FlyteExecutionError
from flyte_provider.hooks.flyte import FlyteHook
from flyte_provider.notifications.flyte import FlyteNotifier
from flyte_provider.operators.flyte import FlyteOperator
from flyte_provider.sensors.flyte import FlyteSensor

log = logging.getLogger(__name__)

DEFAULTS: dict[str, Any] = {
    "schedule": None,
    "start_date": datetime(2024, 1, 1, tzinfo=timezone.utc),
    "default_args": {"flyte_conn_id": "flyte_conn", "project": "flytesnacks", "domain": "development"},
}

with DAG("howto_begin", schedule=None, start_date=DEFAULTS["start_date"]):
    # [START begin]
    train = FlyteOperator(
        task_id="train",
        flyte_conn_id="flyte_conn",
        project="flytesnacks",
        domain="development",
        launchplan_name="scoring.train",
        inputs={"ratio": 0.66, "seed": "{{ params.get('seed', 7) }}"},
        return_value="outputs",
    )
    # [END begin]

with DAG("howto_wait", **DEFAULTS):
    # [START wait]
    FlyteOperator(
        task_id="train",
        launchplan_name="scoring.train",
        inputs={"ratio": 0.5, "seed": "{{ params.get('seed', 7) }}"},
        return_value="outputs",
        multiple_outputs=True,
    )
    # [END wait]

with DAG("howto_deferrable", **DEFAULTS):
    # [START deferrable]
    FlyteOperator(
        task_id="train",
        launchplan_name="scoring.train",
        inputs={"ratio": 0.5, "seed": 7},
        deferrable=True,
        execution_timeout=timedelta(hours=6),
    )
    # [END deferrable]

with DAG("howto_launch_task", **DEFAULTS):
    # [START launch_task]
    FlyteOperator(task_id="square", task_name="scoring.square", inputs={"x": 3}, version="v1")
    # [END launch_task]

with DAG("howto_pin", **DEFAULTS):
    # [START pin]
    FlyteOperator(
        task_id="train",
        launchplan_name="scoring.train",
        inputs={"ratio": 0.5, "seed": 7},
        version="{{ (ti.bundle_instance | default({})).version | default('')"
        " or var.value.get('flyte_version', '') }}",
    )
    # [END pin]

with DAG("howto_map", **DEFAULTS):
    # [START map]
    FlyteOperator.partial(task_id="train", launchplan_name="scoring.train").expand(
        inputs=[{"ratio": 0.5, "seed": seed} for seed in range(3)]
    )
    # [END map]

with DAG("howto_recover", **DEFAULTS):
    # [START recover]
    FlyteOperator(
        task_id="train",
        launchplan_name="scoring.train",
        inputs={"ratio": 0.5, "seed": 7},
        retries=2,
        retry_delay=timedelta(minutes=1),
        retry_strategy="recover",
    )
    # [END recover]

with DAG("howto_sensor", **DEFAULTS):
    # [START sensor]
    launch = FlyteOperator(
        task_id="launch",
        launchplan_name="scoring.train",
        inputs={"ratio": 0.5, "seed": 7},
        wait_for_completion=False,
    )
    FlyteSensor(task_id="wait", execution_name=launch.output, timeout=3600)
    # [END sensor]

with DAG("howto_sensor_deferrable", **DEFAULTS):
    launch = FlyteOperator(task_id="launch", launchplan_name="scoring.nothing", wait_for_completion=False)
    # [START sensor_deferrable]
    FlyteSensor(task_id="wait", execution_name=launch.output, deferrable=True, push_outputs=True)
    # [END sensor_deferrable]

with DAG("howto_sensor_reschedule", **DEFAULTS):
    launch = FlyteOperator(task_id="launch", launchplan_name="scoring.nothing", wait_for_completion=False)
    # [START sensor_reschedule]
    FlyteSensor(task_id="wait", execution_name=launch.output, mode="reschedule", poke_interval=60)
    # [END sensor_reschedule]

with DAG("howto_decorator", **DEFAULTS):
    # [START decorator]
    @flyte_task(launchplan_name="scoring.train", flyte_conn_id="flyte_conn", return_value="outputs")
    def train(day: str) -> dict[str, Any]:
        return {"ratio": 0.5, "seed": int(day.replace("-", ""))}

    train("2024-05-17")
    # [END decorator]

with DAG("howto_hook", **DEFAULTS):
    # [START hook]
    @task
    def train_until_good(run_id: str | None = None) -> float:
        hook = FlyteHook("flyte_conn", project="flytesnacks", domain="development")
        best = 0.0
        for seed in range(3):
            name = f"train-{seed}-" + str(run_id).encode().hex()[-12:]
            ref = hook.trigger_execution(
                name, launchplan_name="scoring.train", inputs={"ratio": 0.5, "seed": seed}
            )
            try:
                hook.wait(ref, timeout_seconds=600)
            except FlyteExecutionError as error:
                log.warning("%s is %s: %s", error.name, error.phase, error.url)
                continue
            best = max(best, hook.get_outputs(ref)["accuracy"])
        return best

    train_until_good()
    # [END hook]

with DAG("howto_approve_by_hand", params={"execution_name": "", "yes": True}, **DEFAULTS):
    # [START approve_by_hand]
    @task
    def approve(params: dict[str, Any]) -> None:
        hook = FlyteHook("flyte_conn", project="flytesnacks", domain="development")
        hook.set_signal(params["execution_name"], "approve", params["yes"])

    approve()
    # [END approve_by_hand]

# [START notifier]
report = FlyteNotifier(
    flyte_conn_id="flyte_conn",
    project="flytesnacks",
    domain="development",
    launchplan_name="scoring.report",
    inputs={"run_id": "{{ run_id }}"},
)
# [END notifier]

with DAG("howto_notifier", on_success_callback=[report], **DEFAULTS):
    FlyteOperator(task_id="nothing", launchplan_name="scoring.nothing")
