"""Whole Dag runs in this process: the example Dags, and Dags of every mode, against a fake Flyte.

Airflow's own runner and database are behind these: templates, XComs, deferral and resumption are real.
"""

from __future__ import annotations

import json
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import airflow
import pytest
from flyteidl.core import types_pb2
from sqlalchemy import select

from flyte_provider._client.codec import decode_map, encode

from .fakes.admin import FakeAdmin, Phase, Script, user_error

pytestmark = pytest.mark.usefixtures("airflow_database")

EXAMPLES = Path(__file__).parents[2] / "dags"
MODES = Path(__file__).parent / "dags" / "modes.py"
PIMA = "ml_training.pima_diabetes.diabetes.diabetes_xgboost_model"
FLOAT = types_pb2.LiteralType(simple=types_pb2.FLOAT)
INT = types_pb2.LiteralType(simple=types_pb2.INTEGER)
STR = types_pb2.LiteralType(simple=types_pb2.STRING)
FILE = types_pb2.LiteralType(blob=types_pb2.BlobType())


@pytest.fixture(autouse=True)
def flyte(admin: FakeAdmin, conn_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Flyte with what the example Dags launch, behind the connection that they name."""
    connection = {"conn_type": "flyte", "host": f"http://127.0.0.1:{admin.port}"}
    monkeypatch.setenv("AIRFLOW_CONN_FLYTE_CONN", json.dumps(connection))
    admin.add_launch_plan(PIMA, {"dataset": FILE, "test_split_ratio": FLOAT, "seed": INT})
    admin.add_launch_plan("basics.hello_world.hello_wf", {"name": STR})


@contextmanager
def airflows_warnings_are_airflows() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def run(dag: Any, **kwargs: Any) -> dict[str, Any]:
    """Run the Dag and return its task instances' states keyed by task id."""
    with airflows_warnings_are_airflows():
        dag_run = dag.test(**kwargs)
        return {ti.task_id: str(ti.state) for ti in dag_run.get_task_instances()} | {"": dag_run}


def xcom(dag_run: Any, task_id: str, key: str = "return_value") -> Any:
    try:
        from airflow.models.xcom import XComModel
    except ImportError:
        from airflow.models.xcom import XCom

        return XCom.get_one(run_id=dag_run.run_id, dag_id=dag_run.dag_id, task_id=task_id, key=key)
    from airflow.utils.session import create_session

    of_task = {"dag_id": dag_run.dag_id, "run_id": dag_run.run_id, "task_id": task_id, "key": key}
    with create_session() as session:
        (value,) = session.execute(select(XComModel.value).filter_by(**of_task)).one()
    try:
        return json.loads(value)
    except (TypeError, ValueError):
        return value


def load(path: Path, dag_id: str) -> Any:
    with airflows_warnings_are_airflows():
        try:
            from airflow.dag_processing.dagbag import DagBag
        except ImportError:
            from airflow.models.dagbag import DagBag
        bag = DagBag(str(path))
    assert bag.import_errors == {}
    return bag.dags[dag_id]


def example(dag_id: str) -> Any:
    return load(EXAMPLES / f"{dag_id}.py", dag_id)


def mode(dag_id: str) -> Any:
    return load(MODES, dag_id)


def test_the_example_is_green(admin: FakeAdmin) -> None:
    states = run(example("example_flyte"))
    assert (states["diabetes_predictions"], states["sensor"]) == ("success", "success")
    (created,) = admin.requests["CreateExecution"]
    assert decode_map(created.inputs) == {"test_split_ratio": 0.66, "seed": 5}
    assert xcom(states[""], "diabetes_predictions") == created.name
    url = xcom(states[""], "diabetes_predictions", "flyte_console_url")
    assert url.endswith(f"/projects/flytesnacks/domains/development/executions/{created.name}")


def test_hello_greets_whom_the_run_names(admin: FakeAdmin) -> None:
    assert admin.script is not None
    admin.script.outputs = {"o0": encode("Hello, Ada!", STR)}
    states = run(example("hello_flyte"), run_conf={"name": "Ada"})
    assert states["say_hello"] == "success"
    assert decode_map(admin.requests["CreateExecution"][0].inputs) == {"name": "Ada"}
    assert xcom(states[""], "say_hello") == {"o0": "Hello, Ada!"}


def test_an_output_reaches_an_airflow_task(admin: FakeAdmin) -> None:
    assert admin.script is not None
    admin.script.outputs = {"accuracy": encode(0.75, FLOAT), "model": encode("s3://b/m.joblib", FILE)}
    states = run(example("flyte_outputs_to_airflow"))
    assert (states["train"], states["judge"]) == ("success", "success")
    assert xcom(states[""], "train", "accuracy") == 0.75
    assert xcom(states[""], "train", "model") == "s3://b/m.joblib"
    assert xcom(states[""], "judge") is True


@pytest.mark.parametrize("task", ["operator", "sensor"])
def test_a_deferred_task_comes_back(admin: FakeAdmin, task: str) -> None:
    assert admin.script is not None
    admin.script.looks = 3
    if task == "sensor":
        admin.add_execution("e1")
    states = run(mode(f"deferred_{task}"))
    assert states["t"] == "success"
    assert xcom(states[""], "t", "flyte_execution")["phase"] == "SUCCEEDED"


@pytest.mark.parametrize("how", ["deferred", "waiting"])
def test_a_failing_execution_turns_the_task_red(admin: FakeAdmin, how: str) -> None:
    assert admin.script is not None
    admin.script.phase, admin.script.error = Phase.FAILED, user_error("boom")
    states = run(mode(f"{how}_operator"))
    assert states["t"] == "failed"
    assert xcom(states[""], "t", "flyte_execution")["phase"] == "FAILED"
    assert xcom(states[""], "t", "flyte_console_url").startswith("http://127.0.0.1")


def test_mapped_tasks_launch_one_execution_each(admin: FakeAdmin) -> None:
    run(mode("mapped_operator"))
    sent = [decode_map(request.inputs)["name"] for request in admin.requests["CreateExecution"]]
    assert sorted(sent) == ["0", "1", "2", "3", "4"]
    assert len(admin.executions) == 5


def test_a_sensor_takes_the_operators_execution_summary() -> None:
    states = run(mode("operator_and_sensor"))
    assert (states["launch"], states["wait"]) == ("success", "success")


@pytest.mark.skipif(
    airflow.__version__.startswith("3.0."),
    reason="there a resumed sensor gets a text for a date in dag.test()",
)
def test_a_rescheduled_sensor_waits(admin: FakeAdmin) -> None:
    assert admin.script is not None
    admin.script.looks = 2
    admin.add_execution("e1")
    assert run(mode("rescheduled_sensor"))["t"] == "success"
    assert admin.count("GetExecution") == 3


def test_a_retry_after_a_failure_launches_anew(admin: FakeAdmin) -> None:
    admin.script = None

    def fail_the_first() -> None:
        admin.wait_for("CreateExecution")
        (first,) = admin.executions
        admin.end(first, Phase.FAILED, error=user_error("boom"))
        admin.script = Script()

    thread = threading.Thread(target=fail_the_first)
    thread.start()
    states = run(mode("retried_operator"))
    thread.join()
    assert states["t"] == "success"
    phases = sorted(execution.closure.phase for execution in admin.executions.values())
    assert phases == [Phase.SUCCEEDED, Phase.FAILED]


def test_a_retry_after_a_lost_contact_attaches(admin: FakeAdmin) -> None:
    """The budget of 0.1 s is spent after a few looks; later calls, the retry's, are answered."""
    admin.fail("GetExecution", times=4)
    states = run(mode("operator_that_loses_contact"))
    assert states["t"] == "success"
    assert admin.count("CreateExecution") == 1
    (execution,) = admin.executions.values()
    assert execution.spec.annotations.values["airflow.apache.org/try_number"] == "1"
    (ti,) = states[""].get_task_instances()
    assert ti.try_number == 2
