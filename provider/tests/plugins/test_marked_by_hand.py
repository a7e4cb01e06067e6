"""A deferred task is marked through Airflow's own API while no triggerer runs: Flyte is told all the same."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import airflow
import pytest

from flyte_provider import _airflow_private
from flyte_provider.plugins import _marked_by_hand
from flyte_provider.plugins.flyte import FlytePlugin
from flyte_provider.triggers.flyte import FlyteExecutionTrigger

from ..fakes.admin import DOMAIN, PROJECT, FakeAdmin, Phase
from ..test_dag_runs import mode, run

pytestmark = pytest.mark.usefixtures("airflow_database", "flyte")
by_hand = pytest.mark.skipif(
    airflow.__version__.startswith("3.0."), reason="Dag.test of 3.0 leaves no Dag that its API would know"
)

DAG = "fires_and_forgets"


@pytest.fixture
def flyte(admin: FakeAdmin, conn_id: str) -> None:
    admin.add_launch_plan("basics.hello_world.hello_wf")
    admin.script = None


@pytest.fixture(scope="session")
def loaded() -> None:
    """The plugin's hook on Airflow 2's rows, which has no way back."""
    FlytePlugin.on_load()


@pytest.fixture
def listening(loaded: None) -> Iterator[None]:
    """Airflow with our plugin, as an installed provider has it."""
    from airflow.listeners.listener import get_listener_manager

    manager = get_listener_manager()
    manager.add_listener(_marked_by_hand)
    yield
    manager.clear()


@pytest.fixture
def deferred(admin: FakeAdmin, listening: None) -> Iterator[Any]:
    """The row of a task instance that waits for execution ``e1`` with a trigger that nobody has picked up."""
    admin.add_execution("e1")
    dag_run = run(mode(DAG))[""]
    from airflow.models.trigger import Trigger
    from airflow.utils.session import create_session

    with warnings.catch_warnings(), create_session() as session:
        warnings.simplefilter("ignore")
        trigger = Trigger.from_object(FlyteExecutionTrigger("flyte_test", PROJECT, DOMAIN, "e1"))
        session.add(trigger)
        session.flush()
        (ti,) = session.merge(dag_run).get_task_instances(session=session)
        ti.state, ti.trigger_id = "deferred", trigger.id
        session.commit()
        yield ti


def mark(ti: Any, state: str) -> None:
    """Do what the button does."""
    if _airflow_private.is_airflow_3():
        path = f"/dags/{ti.dag_id}/dagRuns/{ti.run_id}/taskInstances/{ti.task_id}"
        patch(path, {"new_state": state})
        return
    mode(DAG).set_task_instance_state(task_id=ti.task_id, run_id=ti.run_id, state=state)


def patch(path: str, body: dict[str, Any]) -> None:
    from airflow.api_fastapi.app import create_app
    from fastapi.testclient import TestClient

    with TestClient(create_app(), base_url="http://localhost") as client:
        token = client.get("/auth/token").json()["access_token"]
        reply = client.patch(f"/api/v2{path}", json=body, headers={"Authorization": f"Bearer {token}"})
    assert reply.status_code == 200, reply.text


@pytest.fixture(autouse=True)
def admins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS", "True")
    monkeypatch.setenv("AIRFLOW__API_AUTH__JWT_ISSUER", "airflow")  # 3.0 and 3.1 trip over their own default
    monkeypatch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "a secret of this test, long enough for HS512 " * 2)


@by_hand
@pytest.mark.parametrize("state", ["failed", "success"])
def test_marking_terminates_without_a_triggerer(admin: FakeAdmin, deferred: Any, state: str) -> None:
    mark(deferred, state)
    admin.wait_for("TerminateExecution")
    (request,) = admin.requests["TerminateExecution"]
    assert (request.id.name, request.cause) == ("e1", f"Airflow: task {DAG}.t marked by user")


@by_hand
def test_marking_the_dag_run_terminates_too(admin: FakeAdmin, deferred: Any) -> None:
    if _airflow_private.is_airflow_3():
        patch(f"/dags/{deferred.dag_id}/dagRuns/{deferred.run_id}", {"state": "failed"})
    else:
        from airflow.api.common.mark_tasks import set_dag_run_state_to_failed

        set_dag_run_state_to_failed(dag=mode(DAG), run_id=deferred.run_id, commit=True)
    admin.wait_for("TerminateExecution")
    assert admin.executions["e1"].closure.phase == Phase.ABORTING


def test_other_tasks_are_none_of_our_business(admin: FakeAdmin) -> None:
    _marked_by_hand.settle(SimpleNamespace(trigger_id=None))
    _marked_by_hand.settle(SimpleNamespace())


@pytest.mark.parametrize(
    ("classpath", "arguments"),
    [("airflow.triggers.Other", {}), (_marked_by_hand._TRIGGER, {"cancel_on_kill": False})],
)
def test_other_triggers_and_other_wishes_are_left_alone(
    monkeypatch: pytest.MonkeyPatch, classpath: str, arguments: dict[str, Any]
) -> None:
    monkeypatch.setattr(_airflow_private, "read_deferred_trigger", lambda ti: (classpath, arguments))
    monkeypatch.setattr(_marked_by_hand, "_pool", lambda: pytest.fail("terminated"))
    _marked_by_hand.settle(SimpleNamespace(dag_id="d", task_id="t"))


def test_a_worker_that_fails_a_task_is_not_a_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_marked_by_hand, "settle", lambda ti: pytest.fail("settled"))
    for told in (
        _marked_by_hand.on_task_instance_failed,
        _marked_by_hand.on_task_instance_success,
        _marked_by_hand.on_task_instance_skipped,
    ):
        told("running", SimpleNamespace())
    _marked_by_hand.on_dag_run_failed(SimpleNamespace(), "task_failure")
    _marked_by_hand.on_dag_run_success(SimpleNamespace(), "success")
