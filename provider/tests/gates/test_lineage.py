"""Airflow's real OpenLineage provider writes down what a FlyteOperator read, wrote and launched.

Slow: an Airflow is installed apart, with our wheel.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flyteidl.core import types_pb2

from flyte_provider._client.codec import encode

from ..fakes.admin import FakeAdmin, Phase, Script, user_error
from .environments import Environment, build_wheel, plain_environ, run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

DAGS = Path(__file__).parent / "dags"
FILE = types_pb2.LiteralType(blob=types_pb2.BlobType())
READ = {"namespace": "s3://lake", "name": "pima/raw.csv"}
WRITTEN = {"namespace": "s3://lake", "name": "models/1"}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    folder = tmp_path_factory.mktemp("lineage")
    made = Environment(folder / "env")
    wheel = build_wheel(folder / "wheel")
    made.install(wheel, "apache-airflow==3.3.*", "apache-airflow-providers-openlineage")
    return made


@pytest.fixture
def flyte(admin: FakeAdmin) -> FakeAdmin:
    admin.add_launch_plan("scoring.train", {"dataset": FILE})
    assert admin.script is not None
    admin.script.outputs = {"model": encode("s3://lake/models/1", FILE)}
    return admin


def run_dag(
    environment: Environment, home: Path, dag_id: str, flyte: FakeAdmin, exit_code: int = 0
) -> list[dict[str, Any]]:
    """Run a Dag and return the events of its task, oldest first."""
    events = home / "events.json"
    transport = {"type": "file", "log_file_path": str(events), "append": True}
    connection = {
        "conn_type": "flyte",
        "host": f"http://127.0.0.1:{flyte.port}",
        "extra": {"project": "flytesnacks", "domain": "development"},
    }
    environ = plain_environ(
        AIRFLOW_HOME=str(home),
        AIRFLOW__CORE__DAGS_FOLDER=str(DAGS),
        AIRFLOW__CORE__LOAD_EXAMPLES="False",
        AIRFLOW__OPENLINEAGE__TRANSPORT=json.dumps(transport),
        AIRFLOW_CONN_FLYTE_DEFAULT=json.dumps(connection),
    )
    airflow = environment.bin("airflow")
    run(airflow, "db", "migrate", environ=environ)
    run(airflow, "dags", "test", dag_id, environ=environ, exit_code=exit_code)
    found = [json.loads(line) for line in events.read_text().splitlines()]
    return [event for event in found if event["job"]["name"] == f"{dag_id}.train"]


def addresses(datasets: list[dict[str, Any]]) -> list[dict[str, str]]:
    return [{key: dataset[key] for key in ("namespace", "name")} for dataset in datasets]


@pytest.mark.parametrize("dag_id", ["waits", "defers"])
def test_start_and_end_are_told(
    environment: Environment, tmp_path: Path, flyte: FakeAdmin, dag_id: str
) -> None:
    first, *_, last = run_dag(environment, tmp_path, dag_id, flyte)
    assert (first["eventType"], addresses(first["inputs"]), first["outputs"]) == ("START", [READ], [])
    assert (last["eventType"], addresses(last["inputs"]), addresses(last["outputs"])) == (
        "COMPLETE",
        [READ],
        [WRITTEN],
    )
    (execution,) = flyte.executions
    query = last["run"]["facets"]["externalQuery"]
    assert (query["externalQueryId"], query["source"]) == (execution, f"flyte://127.0.0.1:{flyte.port}")


def test_a_failure_names_its_execution(environment: Environment, tmp_path: Path, flyte: FakeAdmin) -> None:
    flyte.script = Script(phase=Phase.FAILED, error=user_error("no such column"))
    *_, last = run_dag(environment, tmp_path, "waits", flyte, exit_code=1)
    (execution,) = flyte.executions
    assert (last["eventType"], last["outputs"]) == ("FAIL", [])
    assert last["run"]["facets"]["externalQuery"]["externalQueryId"] == execution
    assert "no such column" in last["run"]["facets"]["errorMessage"]["message"]


def test_the_execution_is_the_tasks_child(environment: Environment, tmp_path: Path, flyte: FakeAdmin) -> None:
    first, *_ = run_dag(environment, tmp_path, "waits", flyte)
    (created,) = flyte.requests["CreateExecution"]
    parent = f"default/waits.train/{first['run']['runId']}"
    assert {pair.key: pair.value for pair in created.spec.envs.values}["OPENLINEAGE_PARENT_ID"] == parent
