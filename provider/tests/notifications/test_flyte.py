"""FlyteNotifier launches once for each end, however often Airflow calls it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from flyteidl.core import types_pb2

from flyte_provider._client.codec import decode_map
from flyte_provider.exceptions import FlyteConfigurationError, FlyteInputError, FlyteServerError
from flyte_provider.notifications.flyte import FlyteNotifier

from ..fakes.admin import FakeAdmin
from ..fakes.airflow import FakeTaskInstance

STR = types_pb2.LiteralType(simple=types_pb2.STRING)


@pytest.fixture(autouse=True)
def launch_plan(admin: FakeAdmin, conn_id: str) -> None:
    admin.add_launch_plan("report", {"why": STR})


def make(**kwargs: Any) -> FlyteNotifier:
    defaults = {"flyte_conn_id": "flyte_test", "launchplan_name": "report", "inputs": {"why": "x"}}
    return FlyteNotifier(**defaults | kwargs)


def context(**ti: Any) -> dict[str, Any]:
    from datetime import datetime, timezone

    run = SimpleNamespace(dag_id="d", run_id="r", start_date=datetime(2024, 1, 1, tzinfo=timezone.utc))
    found: dict[str, Any] = {"dag_run": run, "dag": SimpleNamespace(dag_id="d")}
    return found | ({"ti": FakeTaskInstance(dag_id="d", run_id="r", **ti)} if ti else {})


def test_it_launches_and_does_not_wait(admin: FakeAdmin) -> None:
    admin.script = None
    make().notify(context(task_id="t"))
    assert decode_map(admin.requests["CreateExecution"][0].inputs) == {"why": "x"}
    assert admin.count("GetExecution") == 0


def test_called_twice_it_launches_once(admin: FakeAdmin) -> None:
    for _ in range(2):
        make().notify(context(task_id="t"))
    assert len(admin.executions) == 1


def test_tries_runs_and_plans_are_told_apart(admin: FakeAdmin) -> None:
    admin.add_launch_plan("other")
    make().notify(context(task_id="t"))
    make().notify(context(task_id="t", try_number=2))
    make().notify(context(task_id="t", map_index=3))
    make().notify(context())
    make(launchplan_name="other", inputs=None).notify(context())
    assert len(admin.executions) == 5


def test_it_is_called_as_airflow_does_with_templates(admin: FakeAdmin) -> None:
    notifier = make(inputs={"why": "{{ ti.task_id }} of {{ run_id }}"})
    notifier({**context(task_id="t"), "run_id": "r", "dag": None} | {"dag": _dag()})
    assert decode_map(admin.requests["CreateExecution"][0].inputs) == {"why": "t of r"}


def _dag() -> Any:
    from datetime import datetime, timezone

    from airflow import DAG

    return DAG("d", schedule=None, start_date=datetime(2024, 1, 1, tzinfo=timezone.utc))


async def test_a_triggerer_may_call_it(admin: FakeAdmin) -> None:
    await make().async_notify(context())
    assert len(admin.executions) == 1


def test_what_is_wrong_comes_out(admin: FakeAdmin) -> None:
    with pytest.raises(FlyteInputError):
        make(inputs={"y": 1}).notify(context())
    admin.fail("CreateExecution", grpc.StatusCode.PERMISSION_DENIED)
    with pytest.raises(FlyteServerError):
        make().notify(context())
    with pytest.raises(FlyteConfigurationError, match="exactly one"):
        make(task_name="t")
    with pytest.raises(FlyteConfigurationError, match="no Dag run"):
        make().notify({})
