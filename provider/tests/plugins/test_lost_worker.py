"""What the scheduler says of a failed task ends its execution, and what a worker or a user says does not.

That the scheduler does say it is seen in the resume matrix.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from flyte_provider import _airflow_private
from flyte_provider._launch.xcoms import CANCELS_KEY, EXECUTION_KEY
from flyte_provider.plugins import _lost_worker

from ..fakes.admin import FakeAdmin
from ..test_dag_runs import mode, run

LOST = {"conn_id": "c", "project": "p", "domain": "d", "name": "e1", "cancel_on_kill": True}


@pytest.fixture
def terminated(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The names that each run of the program was asked to terminate."""
    runs: list[list[str]] = []

    def run(command: Any, *, input: str, **_more: Any) -> None:
        runs.append([one["name"] for one in _lost_worker.json.loads(input)])

    monkeypatch.setattr(_lost_worker.subprocess, "run", run)
    return runs


def fail(monkeypatch: pytest.MonkeyPatch, pushed: Any, **told: Any) -> None:
    """Tell the listener of a failed task, and let its thread finish."""
    monkeypatch.setattr(_airflow_private, "read_xcom_of_row", lambda _ti, _key: pushed)
    ti = SimpleNamespace(dag_id="d", task_id="t", state=told.pop("state", "failed"))
    told = {"previous_state": "running", "error": "heartbeat timeout"} | told
    _lost_worker.on_task_instance_failed(task_instance=ti, **told)
    _lost_worker._pool().submit(lambda: None).result(30)


def test_a_lost_task_ends_its_execution(monkeypatch: pytest.MonkeyPatch, terminated: list[list[str]]) -> None:
    fail(monkeypatch, LOST)
    assert terminated == [["e1"]]


@pytest.mark.parametrize(
    "told",
    [
        {"error": RuntimeError("a worker's own")},
        {"previous_state": None},
        {"state": "up_for_retry"},
        {"pushed": None},
        {"pushed": LOST | {"cancel_on_kill": False}},
        {"pushed": {key: LOST[key] for key in LOST if key != "cancel_on_kill"}},
    ],
    ids=["by its worker", "by a user", "with tries left", "before the launch", "unwanted", "ended"],
)
def test_what_is_not_lost_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, terminated: list[list[str]], told: dict[str, Any]
) -> None:
    fail(monkeypatch, told.pop("pushed", LOST), **told)
    assert terminated == []


def test_a_program_that_fails_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(_lost_worker, "_PROGRAM", ("false",))
    fail(monkeypatch, LOST)
    assert "cannot terminate executions e1" in caplog.text


@pytest.mark.usefixtures("airflow_database", "conn_id")
@pytest.mark.filterwarnings("ignore")  # Airflow's own
def test_a_row_leads_to_what_its_task_has_launched(admin: FakeAdmin) -> None:
    from airflow.utils.session import create_session

    admin.add_launch_plan("basics.hello_world.hello_wf")
    admin.script = None
    dag_run = run(mode("fires_and_forgets"))[""]
    with create_session() as session:
        (ti,) = session.merge(dag_run).get_task_instances(session=session)
        pushed = _airflow_private.read_xcom_of_row(ti, EXECUTION_KEY)
        assert _airflow_private.read_xcom_of_row(ti, "nothing") is None
        session.expunge(ti)
        assert _airflow_private.read_xcom_of_row(ti, EXECUTION_KEY) is None
    assert pushed["name"] in admin.executions
    assert pushed[CANCELS_KEY] is True
