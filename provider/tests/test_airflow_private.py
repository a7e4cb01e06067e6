"""Each private interface of the installed Airflow is still what `_airflow_private` takes it for."""

from __future__ import annotations

import asyncio
import inspect
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

import airflow
import pytest

from flyte_provider import _airflow, _airflow_private
from flyte_provider._airflow import BaseHook, BaseOperator, BaseSensorOperator, BaseTrigger
from flyte_provider._launch.identity import Coordinates
from flyte_provider.exceptions import FlyteConfigurationError

from .fakes.airflow import FakeTaskInstance, make_context

VERSION = tuple(int(part) for part in airflow.__version__.split(".")[:2])


def test_every_name_of_the_import_seam_has_a_home() -> None:
    for name in _airflow._HOMES:
        assert getattr(_airflow, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _airflow.Nothing  # noqa: B018 - the access is the test


def test_a_name_that_airflow_has_lost_says_where_it_was_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_airflow._HOMES, "Lost", ("airflow.nowhere", "airflow.version"))
    with pytest.raises(ImportError, match=r"no known home of Airflow has 'Lost'; looked in airflow\.nowhere"):
        _airflow.Lost  # noqa: B018 - the access is the test


def test_the_version_is_known() -> None:
    assert _airflow_private.is_airflow_3() == (VERSION >= (3, 0))


def test_a_task_instance_has_what_coordinates_are_read_from() -> None:
    if _airflow_private.is_airflow_3():
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

        fields = set(RuntimeTaskInstance.model_fields) | set(dir(RuntimeTaskInstance))
    else:
        from airflow.models.taskinstance import TaskInstance

        fields = set(dir(TaskInstance))
    assert {"dag_id", "run_id", "task_id", "map_index", "try_number", "max_tries"} <= fields


def test_a_dag_run_has_its_start_and_its_clears() -> None:
    if _airflow_private.is_airflow_3():
        from airflow.sdk.api.datamodels._generated import DagRun

        fields = set(DagRun.model_fields)
    else:
        from airflow.models.dagrun import DagRun

        fields = set(dir(DagRun))
    assert {"start_date", "clear_number", "run_after" if VERSION >= (3, 0) else "id"} <= fields


def test_coordinates_are_read() -> None:
    start = datetime(2024, 1, 1, tzinfo=timezone.utc)
    task: Any = SimpleNamespace(task_id="t", retries=2)
    ti = FakeTaskInstance(task_id="t", try_number=4, max_tries=5, map_index=3)
    assert _airflow_private.read_coordinates(make_context(task, ti, start_date=start, clear_number=1)) == (
        Coordinates("dag", "run", "t", 3, "", "", 4, 3, 1, start)
    )


@pytest.mark.parametrize(
    ("dag_run", "key"),
    [
        ({"run_after": datetime(2024, 1, 1, tzinfo=timezone.utc), "id": 3}, "2024-01-01T00:00:00+00:00"),
        ({"id": 3}, "3"),
        ({}, ""),
    ],
)
def test_a_dag_run_has_a_key_of_its_own(dag_run: dict[str, Any], key: str) -> None:
    context = make_context(SimpleNamespace(task_id="t", retries=0), FakeTaskInstance(), **dag_run)
    assert _airflow_private.read_coordinates(context).run_key == key


def test_coordinates_are_read_of_what_there_is() -> None:
    ti = SimpleNamespace(dag_id="d", run_id="r", task_id="t", map_index=None, try_number=1)
    context = {"ti": ti, "task": SimpleNamespace(retries=None)}
    assert _airflow_private.read_coordinates(context) == Coordinates("d", "r", "t")


def test_without_a_task_there_are_no_coordinates() -> None:
    with pytest.raises(FlyteConfigurationError, match="there is no Airflow task instance"):
        _airflow_private.read_coordinates({})


@pytest.mark.parametrize(("try_number", "max_tries", "left"), [(1, 0, False), (1, 1, True), (2, 1, False)])
def test_tries_that_are_left(try_number: int, max_tries: int, left: bool) -> None:
    ti = FakeTaskInstance(try_number=try_number, max_tries=max_tries)
    assert _airflow_private.has_tries_left({"ti": ti}) is left


@pytest.mark.skipif(VERSION < (3, 0), reason="Airflow 3 has it")
def test_task_states_can_be_asked_for() -> None:
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    parameters = inspect.signature(RuntimeTaskInstance.get_task_states).parameters
    assert {"dag_id", "task_ids", "run_ids"} <= parameters.keys()


@pytest.mark.parametrize("map_index", [-1, 4])
def test_the_state_of_a_task_is_found(map_index: int) -> None:
    ti = FakeTaskInstance(map_index=map_index, state="failed")
    assert _airflow_private.read_state_of({"ti": ti}) == "failed"
    assert _airflow_private.read_state_of({"ti": SimpleNamespace()}) is None


def test_the_sleep_between_pokes_is_asked_for_as_expected() -> None:
    method = BaseSensorOperator._get_next_poke_interval
    assert list(inspect.signature(method).parameters) == ["self", "started_at", "run_duration", "poke_count"]
    assert "_get_next_poke_interval(started_at, run_duration, poke_count)" in inspect.getsource(
        BaseSensorOperator.execute
    )


def test_operators_can_be_resumed_and_have_templates() -> None:
    parameters = list(inspect.signature(BaseOperator.resume_execution).parameters)
    assert parameters == ["self", "next_method", "next_kwargs", "context"]
    assert hasattr(BaseOperator, "get_template_env")


def test_a_deferral_timeout_is_recognised() -> None:
    operator = BaseOperator(task_id="t")
    with pytest.raises(Exception, match="Trigger timeout") as caught:
        operator.resume_execution("__fail__", {"error": "Trigger timeout"}, {})  # type: ignore[arg-type]
    assert _airflow_private.is_deferral_timeout(caught.value)
    assert not _airflow_private.is_deferral_timeout(ValueError("x"))


def test_on_kill_of_triggers_is_known() -> None:
    assert (
        _airflow_private.calls_on_kill_of_triggers() == (VERSION >= (3, 3)) == hasattr(BaseTrigger, "on_kill")
    )


async def test_a_connection_is_looked_up_without_blocking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_FLYTE_TEST", "flyte://h")
    assert (await _airflow_private.get_connection_async("flyte_test")).host == "h"


async def test_where_lookups_block_a_thread_takes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_FLYTE_TEST", "flyte://h")
    monkeypatch.setattr(BaseHook, "aget_connection", None, raising=False)
    assert (await _airflow_private.get_connection_async("flyte_test")).host == "h"


class FakeTrigger:
    def __init__(self, ti: Any) -> None:
        self.task_instance = ti


@pytest.mark.parametrize(("state", "killed"), [("deferred", False), ("failed", True), (None, False)])
async def test_a_cancelled_triggers_task_tells_whether_it_was_killed(
    monkeypatch: pytest.MonkeyPatch, state: str | None, killed: bool
) -> None:
    for reader in ("_state_from_supervisor", "_state_from_database"):
        monkeypatch.setattr(_airflow_private, reader, lambda ti: state)
    assert await _airflow_private.was_killed_by_user(FakeTrigger(FakeTaskInstance())) is killed


async def test_without_an_answer_nobody_was_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    for reader in ("_state_from_supervisor", "_state_from_database"):
        monkeypatch.setattr(_airflow_private, reader, lambda ti: 1 / 0)
    assert await _airflow_private.was_killed_by_user(FakeTrigger(FakeTaskInstance())) is False
    assert await _airflow_private.was_killed_by_user(FakeTrigger(None)) is False


@pytest.mark.skipif(VERSION >= (3, 0), reason="Airflow 2 asks its database")
@pytest.mark.usefixtures("airflow_database")
async def test_airflow_2s_database_is_asked() -> None:
    ti = FakeTaskInstance(run_id="no_such_run")
    assert await asyncio.to_thread(_airflow_private._state_from_database, ti) is None


@pytest.mark.skipif(VERSION < (3, 0), reason="Airflow 3 asks its supervisor")
def test_airflow_3s_supervisor_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    def states(dag_id: str, task_ids: list[str], run_ids: list[str]) -> dict[str, Any]:
        return {"run": {"task": "failed", "task_4": "deferred"}}

    monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", staticmethod(states))
    assert _airflow_private._state_from_supervisor(FakeTaskInstance()) == "failed"
    assert _airflow_private._state_from_supervisor(FakeTaskInstance(map_index=4)) == "deferred"
    assert _airflow_private._state_from_supervisor(FakeTaskInstance(map_index=9)) is None
