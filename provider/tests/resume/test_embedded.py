"""The embedded Flyte is killed under tasks that wait, and they end as if it had never been away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..fakes.admin import Phase
from ..stack.airflow import Airflow, wait_until
from .embedded import EmbeddedFlyte
from .flyte import Outage
from .matrix import MODES, SECONDS

pytestmark = pytest.mark.timeout(1200)
ROUNDS = 3


@pytest.fixture(scope="module")
def flyte(embedded_flyte: EmbeddedFlyte) -> Iterator[EmbeddedFlyte]:
    pytest.importorskip("flyte_sandbox")
    embedded_flyte.start()
    embedded_flyte.register()
    yield embedded_flyte
    embedded_flyte.kill()


@pytest.mark.parametrize("mode", MODES)
def test_server_restart(airflow: Airflow, flyte: EmbeddedFlyte, mode: str) -> None:
    dag_id = f"{mode}_embedded"
    runs = [f"{dag_id}_{number}" for number in range(ROUNDS)]
    for run_id in runs:
        airflow.trigger(dag_id, run_id)
    for run_id in runs:
        wait_until(lambda run_id=run_id: flyte.of_run(run_id), SECONDS, f"an execution of {run_id}")
        airflow.wait_for_task(dag_id, run_id, {"sync": "running", "deferrable": "deferred"}[mode])
    flyte.kill()
    with Outage(flyte.port) as outage:
        outage.refuse(ROUNDS if mode == "sync" else 1)
    flyte.start()
    for run_id in runs:
        (execution,) = flyte.of_run(run_id)
        flyte.approve(execution.id)
    for run_id in runs:
        ti = airflow.wait_for_task(dag_id, run_id, "success", "failed", seconds=SECONDS)
        assert (ti["state"], ti["try_number"]) == ("success", 1)
        (execution,) = flyte.of_run(run_id)
        assert execution.closure.phase == Phase.SUCCEEDED
