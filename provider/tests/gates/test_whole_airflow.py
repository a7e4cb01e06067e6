"""How-tos that ``dag.test()`` cannot show in full: what scheduler, triggerer and workers do with them.

Slow: an Airflow of four processes, which takes most of a minute to start.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import airflow as installed
import pytest

from ..fakes.admin import FakeAdmin, serve
from ..stack.airflow import Airflow, running, wait_until
from .bundles.committed import COMMIT
from .test_howtos import DOCS, FLOAT, INT, launched_version, wait_at_gate

pytestmark = [
    pytest.mark.slow,
    pytest.mark.processes,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not installed.__version__.startswith("3.3"), reason="whole Airflows are of 3.3"),
]

BUNDLES = Path(__file__).parent / "bundles"


@pytest.fixture(scope="module")
def flyte() -> Iterator[FakeAdmin]:
    """A Flyte that ends executions when a test says so."""
    with serve(FakeAdmin()) as admin:
        admin.script = None
        for version in (COMMIT, "newer"):
            admin.add_launch_plan("scoring.train", {"ratio": FLOAT, "seed": INT}, version=version)
        admin.add_launch_plan("scoring.release")
        admin.add_launch_plan("scoring.nothing")
        yield admin


@pytest.fixture(scope="module")
def airflow(flyte: FakeAdmin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    """An Airflow with the how-tos in a bundle that has versions."""
    dags = DOCS / "example_dags"
    connection = {"conn_type": "flyte", "host": f"http://127.0.0.1:{flyte.port}"}
    bundle = {"name": "howtos", "classpath": "committed.CommittedBundle", "kwargs": {"path": str(dags)}}
    more = {
        "AIRFLOW_CONN_FLYTE_CONN": json.dumps(connection),
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps([bundle]),
        "AIRFLOW__FLYTE__RESUME_AFTER": "2",
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(BUNDLES), os.environ.get("PYTHONPATH", "")]))
        one = Airflow(tmp_path_factory.mktemp("airflow"), dags, more)
    with running(one):
        yield one


@pytest.fixture(autouse=True)
def nothing_asked_yet(flyte: FakeAdmin) -> None:
    flyte.requests.clear()
    flyte.calls.clear()
    flyte.executions.clear()


def test_a_run_launches_the_version_of_its_bundle(airflow: Airflow, flyte: FakeAdmin) -> None:
    airflow.trigger("howto_pin", "pinned")
    flyte.wait_for("CreateExecution", seconds=120)
    assert launched_version(flyte) == COMMIT
    (name,) = flyte.executions
    flyte.end(name)
    airflow.wait_for_task("howto_pin", "pinned", "success", task_id="train")


@pytest.mark.parametrize("option", ["release", "keep back"])
def test_a_human_answers_in_airflow(airflow: Airflow, flyte: FakeAdmin, option: str) -> None:
    run_id = option.replace(" ", "_")
    flyte.signals.clear()
    airflow.trigger("howto_approve", run_id)
    airflow.wait_for_task("howto_approve", run_id, "awaiting_input", task_id="ask")
    read_first(airflow)
    (name,) = flyte.executions
    wait_at_gate(flyte, name)
    path = f"/dags/howto_approve/dagRuns/{run_id}/taskInstances/ask/-1/hitlDetails"
    airflow.call("PATCH", path, {"chosen_options": [option], "params_input": {}})
    flyte.wait_for("SetSignal", seconds=120)
    assert flyte.signals[0].value.scalar.primitive.boolean is (option == "release")
    flyte.end(name)
    airflow.wait_for_task("howto_approve", run_id, "success", task_id="wait")


def read_first(airflow: Airflow) -> None:
    """Take as long as a human does: Airflow fails a task that is answered while its process still ends."""

    def beat() -> str:
        return str(airflow.call("GET", "/monitor/health")["scheduler"]["latest_scheduler_heartbeat"])

    for _ in range(2):
        last = beat()
        wait_until(lambda last=last: beat() != last, 60, "the scheduler's next heartbeat")


def test_an_execution_of_somebody_else_starts_a_dag(airflow: Airflow, flyte: FakeAdmin) -> None:
    flyte.wait_for("ListExecutions", seconds=120)
    flyte.add_execution("theirs").spec.launch_plan.name = "scoring.watched"
    flyte.end("theirs")
    run_id = wait_until(lambda: started_by_asset(airflow), 120, "a run of howto_watcher")
    flyte.wait_for("CreateExecution", seconds=120)
    flyte.end(next(name for name in flyte.executions if name != "theirs"))
    airflow.wait_for_task("howto_watcher", run_id, "success", task_id="report")
    found = airflow.call("GET", f"/dags/howto_watcher/dagRuns/{run_id}/upstreamAssetEvents")
    assert [event["extra"]["payload"]["name"] for event in found["asset_events"]] == ["theirs"]


def started_by_asset(airflow: Airflow) -> Any:
    runs = airflow.call("GET", "/dags/howto_watcher/dagRuns")["dag_runs"]
    return next((run["dag_run_id"] for run in runs if run["run_type"] == "asset_triggered"), None)
