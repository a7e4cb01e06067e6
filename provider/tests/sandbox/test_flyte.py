"""Hooks, operator and triggers against the embedded Flyte: what they ask is what a Flyte understands."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from flyteidl.service import admin_pb2_grpc

from flyte_provider._client import poll_hub
from flyte_provider._client.channel import close_shared_channels
from flyte_provider.exceptions import FlyteExecutionAbortedError, FlyteInputError
from flyte_provider.hooks.flyte import FlyteAsyncHook, FlyteHook
from flyte_provider.operators.flyte import FlyteOperator
from flyte_provider.triggers.flyte import FlyteExecutionEventTrigger, FlyteExecutionTrigger

from ..fakes.admin import DOMAIN, PROJECT
from ..fakes.airflow import FakeTaskInstance, make_context
from .registered import register

testing = pytest.importorskip("flyte_sandbox.testing")

QUICK: dict[str, Any] = {"poll_interval": 0.1, "max_poll_interval": 0.1}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with testing.running_sandbox(tmp_path_factory.mktemp("sandbox")) as sandbox:
        with grpc.insecure_channel(sandbox.endpoint) as channel:
            register(admin_pb2_grpc.AdminServiceStub(channel))
        yield sandbox


@pytest.fixture
def conn(sandbox: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    extra = {"project": PROJECT, "domain": DOMAIN}
    connection = {"conn_type": "flyte", "host": f"http://{sandbox.endpoint}", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_FLYTE_TEST", json.dumps(connection))
    return "flyte_test"


@pytest.fixture
async def closing() -> AsyncIterator[None]:
    yield
    await close_shared_channels()


def name() -> str:
    return "t" + uuid.uuid4().hex[:18]


def launch(conn: str, seconds: float, plan: str = "sleep") -> str:
    hook = FlyteHook(conn)
    try:
        inputs = {"duration": timedelta(seconds=seconds)}
        return str(hook.trigger_execution(name(), launchplan_name=plan, inputs=inputs))
    finally:
        hook.close()


def test_the_connection_is_good(conn: str) -> None:
    assert FlyteHook(conn).test_connection()[0]


def test_executions_are_listed_by_phase_plan_and_change(conn: str) -> None:
    hook = FlyteHook(conn)
    first, second = launch(conn, 0), launch(conn, 0)
    for one in (first, second):
        hook.wait(one, **QUICK)
    found = [entry.id.name for entry in hook.list_executions(phases=["SUCCEEDED"], launchplan_name="sleep")]
    assert found.index(second) < found.index(first)
    assert hook.list_executions(phases=["FAILED"], launchplan_name="sleep") == []
    changed = hook.list_executions(phases=["SUCCEEDED"], updated_since="2024-01-01T00:00:00.000000Z")
    names = [entry.id.name for entry in changed]
    assert names.index(first) < names.index(second)
    assert hook.list_executions(updated_since="2999-01-01T00:00:00.000000Z") == []


def test_a_gate_is_opened_from_airflow(conn: str) -> None:
    hook = FlyteHook(conn)
    execution = launch(conn, 0, "approve")
    for _ in range(600):
        if hook.list_signals(execution):
            break
        hook.execution_status(execution)
    assert hook.list_signals(execution) == [{"signal_id": "go", "type": "bool", "value": None}]
    hook.set_signal(execution, "go", True)
    hook.wait(execution, timeout_seconds=30, **QUICK)


def test_an_operator_launches_once_and_tells_how_nodes_fare(conn: str) -> None:
    operator = FlyteOperator(
        task_id="t",
        flyte_conn_id=conn,
        launchplan_name="sleep",
        inputs={"duration": "PT0.5S"},
        deferrable=False,
        return_value="execution",
        **QUICK,
    )
    ti = FakeTaskInstance(run_id=name(), task_id="t")
    summary = operator.execute(make_context(operator, ti))
    assert summary["phase"] == "SUCCEEDED"
    again = operator.execute(make_context(operator, ti))
    assert again["name"] == summary["name"]


@pytest.mark.filterwarnings("ignore")  # flytekit's and its libraries' own
def test_a_dataframe_is_stored_where_flyte_reads_it(conn: str, sandbox: Any) -> None:
    pytest.importorskip("flytekit")
    pandas = pytest.importorskip("pandas")
    hook = FlyteHook(conn)
    frame = pandas.DataFrame({"a": [1, 2, 3]})
    with pytest.raises(FlyteInputError, match="input 'duration': expected timedelta"):
        hook.trigger_execution(name(), launchplan_name="read", inputs={"frame": frame, "duration": "soon"})
    execution = hook.trigger_execution(
        name(), launchplan_name="read", inputs={"frame": frame, "duration": "PT0S"}
    )
    hook.wait(execution, **QUICK)
    data = hook.get_client().get_execution_data(hook.execution_id(execution))
    uri = data.full_inputs.literals["frame"].scalar.structured_dataset.uri
    _, _, key = uri.removeprefix("s3://").partition("/")
    (stored,) = [
        path for path in Path(sandbox.config.state).rglob("*") if path.is_file() and key in str(path)
    ]
    assert list(pandas.read_parquet(stored)["a"]) == [1, 2, 3]


@pytest.mark.usefixtures("closing")
async def test_a_crowd_of_triggers_is_answered_by_lists(conn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [launch(conn, 2) for _ in range(12)]
    listed: list[int] = []
    list_ = poll_hub.PollHub._list

    async def count(self: Any, group: Any, place: Any, asked: list[str]) -> Any:
        found = await list_(self, group, place, asked)
        listed.append(len(found))
        return found

    monkeypatch.setattr(poll_hub.PollHub, "_list", count)
    triggers = [FlyteExecutionTrigger(conn, PROJECT, DOMAIN, one, **QUICK) for one in names]
    events = await asyncio.gather(*(anext(trigger.run()) for trigger in triggers))
    assert {event.payload["status"] for event in events} == {"succeeded"}
    # The first seven found no crowd, and the embedded Flyte lets a first look wait for the end.
    assert max(listed) >= 5


@pytest.mark.usefixtures("closing")
async def test_an_asset_watcher_hears_of_an_end(conn: str) -> None:
    events = FlyteExecutionEventTrigger(conn, launchplan_name="sleep", poll_interval=0.1).run()
    first = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0)
    mine = await asyncio.to_thread(launch, conn, 0.2)
    heard = [(await asyncio.wait_for(first, 30)).payload["name"]]
    while mine not in heard:
        heard.append((await asyncio.wait_for(anext(events), 30)).payload["name"])
    assert len(heard) == len(set(heard))
    await events.aclose()


@pytest.mark.usefixtures("closing")
async def test_the_asynchronous_hook_terminates(conn: str) -> None:
    hook = FlyteAsyncHook(conn)
    execution = launch(conn, 600)
    await hook.terminate(execution, "enough")
    with pytest.raises(FlyteExecutionAbortedError, match="enough"):
        await hook.wait(execution, **QUICK)
    await hook.close()
