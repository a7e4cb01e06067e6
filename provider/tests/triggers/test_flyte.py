"""FlyteExecutionTrigger on a bare event loop, over the shared asynchronous channel."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from flyteidl.core.execution_pb2 import NodeExecution

from flyte_provider import _airflow_private
from flyte_provider._airflow import BaseTrigger
from flyte_provider._client.channel import close_shared_channels, shared_aio_channel
from flyte_provider.connection import FlyteConnection
from flyte_provider.triggers.flyte import FlyteExecutionTrigger

from ..fakes.admin import DOMAIN, PROJECT, FakeAdmin, Phase, user_error

pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
async def _close_channels() -> AsyncIterator[None]:
    yield
    await close_shared_channels()


def make(conn_id: str, **changes: Any) -> FlyteExecutionTrigger:
    kwargs = {"poll_interval": 0.02, "max_poll_interval": 0.02, "poll_error_timeout": 5.0, "url": "u"}
    return FlyteExecutionTrigger(conn_id, PROJECT, DOMAIN, "e1", **kwargs | changes)


async def events(trigger: FlyteExecutionTrigger) -> list[dict[str, Any]]:
    return [event.payload async for event in trigger.run()]


async def called(admin: FakeAdmin, method: str, times: int = 1) -> None:
    await asyncio.to_thread(admin.wait_for, method, times)


EXPECTED = {"project": PROJECT, "domain": DOMAIN, "name": "e1", "url": "u", "outputs_uri": ""}


async def test_it_serialises_exactly_its_arguments(conn_id: str) -> None:
    trigger = make(conn_id, deadline=5.0, cancel_on_kill=False)
    path, kwargs = trigger.serialize()
    assert path == "flyte_provider.triggers.flyte.FlyteExecutionTrigger"
    assert FlyteExecutionTrigger(**kwargs).serialize() == (path, kwargs)
    code = FlyteExecutionTrigger.__init__.__code__
    assert set(kwargs) == set(code.co_varnames[1 : code.co_argcount])
    assert {type(value) for value in kwargs.values()} <= {str, float, bool, type(None)}


async def test_one_event_says_how_it_ended(admin: FakeAdmin, conn_id: str) -> None:
    assert admin.script is not None
    admin.script.looks = 3
    admin.add_execution("e1")
    assert await events(make(conn_id)) == [
        {"status": "succeeded", "phase": "SUCCEEDED", "error": None, **EXPECTED}
    ]
    assert admin.count("GetExecution") == 4


async def test_the_log_tells_how_nodes_fare(
    admin: FakeAdmin, conn_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    trigger = make(conn_id)
    monkeypatch.setattr(type(trigger), "log", SimpleNamespace(info=said.append, warning=said.append))
    admin.script = None
    admin.add_execution("e1")
    admin.set_node("e1", "n0", NodeExecution.RUNNING)
    waiting = asyncio.create_task(events(trigger))
    await called(admin, "ListNodeExecutions", 2)
    admin.fail("ListNodeExecutions")
    admin.set_node("e1", "n0", NodeExecution.SUCCEEDED, seconds=1)
    await called(admin, "ListNodeExecutions", admin.count("ListNodeExecutions") + 3)
    admin.end("e1")
    await waiting
    assert said == ["Node n0: RUNNING", "Node n0: SUCCEEDED after 1.0 s"]


async def test_a_crowd_shares_two_questions_a_second(admin: FakeAdmin, conn_id: str) -> None:
    admin.script = None
    names = [f"e{index}" for index in range(20)]
    for name in names:
        admin.add_execution(name)
    kwargs = {"poll_interval": 0.02, "max_poll_interval": 0.02}
    waits = [
        asyncio.create_task(events(FlyteExecutionTrigger(conn_id, PROJECT, DOMAIN, name, **kwargs)))
        for name in names
    ]
    began = time.monotonic()
    await called(admin, "ListExecutions", 3)
    asked = admin.count("ListNodeExecutions")
    # While they arrive, the first few are no crowd yet.
    assert asked <= 10 + 2 * (time.monotonic() - began)
    for name in names:
        admin.end(name)
    await asyncio.gather(*waits)


async def test_an_event_is_held_back_until_airflow_has_seen_the_worker_off(
    admin: FakeAdmin, conn_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__FLYTE__RESUME_AFTER", "0.5")
    admin.add_execution("e1")
    began = time.monotonic()
    assert [event["status"] for event in await events(make(conn_id))] == ["succeeded"]
    assert time.monotonic() - began >= 0.5


@pytest.mark.parametrize(
    ("phase", "status"),
    [(Phase.ABORTED, "aborted"), (Phase.TIMED_OUT, "timed_out"), (Phase.FAILED, "failed")],
)
async def test_bad_ends_are_events_too(admin: FakeAdmin, conn_id: str, phase: int, status: str) -> None:
    execution = admin.add_execution("e1", phase)
    if phase == Phase.FAILED:
        execution.closure.error.CopyFrom(user_error("boom"))
    (event,) = await events(make(conn_id))
    assert event["status"] == status
    expected = {"kind": "USER", "code": "USER:RuntimeError", "message": "boom"}
    assert event["error"] == (expected if phase == Phase.FAILED else None)


async def test_an_outage_within_the_budget_is_survived(
    admin: FakeAdmin, conn_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    admin.add_execution("e1")
    admin.fail("GetExecution", times=20)
    with caplog.at_level(logging.WARNING):
        (event,) = await events(make(conn_id))
    assert event["status"] == "succeeded"


async def test_a_longer_outage_means_lost_and_terminates_nothing(admin: FakeAdmin, conn_id: str) -> None:
    admin.add_execution("e1")
    admin.fail("GetExecution", times=1000)
    (event,) = await events(make(conn_id, poll_error_timeout=0.1))
    assert (event["status"], event["error"]["kind"]) == ("lost", "FlyteExecutionLostError")
    assert "It was left running" in event["error"]["message"]
    assert admin.count("TerminateExecution") == 0


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.UNAUTHENTICATED, "FlyteAuthenticationError"),
        (grpc.StatusCode.PERMISSION_DENIED, "FlyteAuthenticationError"),
        (grpc.StatusCode.NOT_FOUND, "FlyteEntityNotFoundError"),
        (grpc.StatusCode.INVALID_ARGUMENT, "FlyteServerError"),
    ],
)
async def test_a_refusal_ends_the_wait_at_once(
    admin: FakeAdmin, conn_id: str, code: grpc.StatusCode, kind: str
) -> None:
    admin.fail("GetExecution", code)
    (event,) = await events(make(conn_id))
    assert (event["status"], event["error"]["kind"], event["error"]["code"]) == ("lost", kind, code.name)


async def test_a_bad_connection_is_an_event_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_FLYTE_TEST", "flyte://")
    (event,) = await events(make("flyte_test"))
    assert event["error"]["kind"] == "FlyteConfigurationError"


async def test_the_deadline_ends_the_wait(admin: FakeAdmin, conn_id: str) -> None:
    admin.script = None
    admin.add_execution("e1")
    (event,) = await events(make(conn_id, deadline=time.time() + 0.1, poll_interval=60.0))
    assert event["status"] == "deadline"


async def test_an_execution_that_ended_before_the_deadline_has_ended(admin: FakeAdmin, conn_id: str) -> None:
    admin.add_execution("e1")
    (event,) = await events(make(conn_id, deadline=time.time() - 5))
    assert event["status"] == "succeeded"


async def test_cancellation_comes_out_and_leaves_the_execution(
    admin: FakeAdmin, conn_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin.script = None
    admin.add_execution("e1")
    monkeypatch.setattr(_airflow_private, "was_killed_by_user", _answer(False))
    task = asyncio.create_task(events(make(conn_id)))
    await called(admin, "GetExecution", 3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert admin.count("TerminateExecution") == 0


def _answer(value: bool) -> Any:
    async def answer(trigger: Any) -> bool:
        return value

    return answer


async def test_a_kill_terminates_with_a_cause(admin: FakeAdmin, conn_id: str) -> None:
    admin.add_execution("e1")
    trigger = make(conn_id)
    trigger.task_instance = SimpleNamespace(dag_id="dag", task_id="task")
    await trigger.on_kill()
    cause = admin.executions["e1"].closure.abort_metadata.cause
    assert cause == "Airflow: task dag.task killed by user"


async def test_a_kill_of_a_running_wait_terminates(admin: FakeAdmin, conn_id: str) -> None:
    """As the triggerer does it: cancel, then on_kill, then the cancellation goes on."""
    admin.script = None
    admin.add_execution("e1")
    trigger = make(conn_id)
    task = asyncio.create_task(events(trigger))
    await called(admin, "GetExecution", 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await trigger.on_kill()
    assert admin.executions["e1"].closure.phase == Phase.ABORTING


async def test_before_3_3_a_kill_is_recognised_by_the_tasks_state(
    admin: FakeAdmin, conn_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin.script = None
    admin.add_execution("e1")
    monkeypatch.setattr(_airflow_private, "calls_on_kill_of_triggers", lambda: False)
    monkeypatch.setattr(_airflow_private, "was_killed_by_user", _answer(True))
    task = asyncio.create_task(events(make(conn_id)))
    await called(admin, "GetExecution", 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert admin.executions["e1"].closure.phase == Phase.ABORTING


async def test_which_airflow_calls_on_kill_is_known() -> None:
    assert _airflow_private.calls_on_kill_of_triggers() == hasattr(BaseTrigger, "on_kill")


async def test_a_kill_may_leave_the_execution(admin: FakeAdmin, conn_id: str) -> None:
    admin.add_execution("e1")
    await make(conn_id, cancel_on_kill=False).on_kill()
    assert admin.count("TerminateExecution") == 0


@pytest.mark.parametrize(
    "code", [grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNAVAILABLE]
)
async def test_a_kill_never_raises(admin: FakeAdmin, conn_id: str, code: grpc.StatusCode) -> None:
    admin.add_execution("e1")
    admin.fail("TerminateExecution", code)
    await make(conn_id).on_kill()


async def test_a_kill_with_a_bad_connection_does_not_raise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_FLYTE_TEST", "flyte://")
    await make("flyte_test").on_kill()


async def test_all_triggers_of_a_process_share_a_channel(admin: FakeAdmin, conn_id: str) -> None:
    admin.add_execution("e1")
    results = await asyncio.gather(*(events(make(conn_id)) for _ in range(20)))
    assert all(event["status"] == "succeeded" for (event,) in results)
    connection = FlyteConnection("x", "h:1", insecure=True)
    assert await shared_aio_channel(connection) is await shared_aio_channel(connection)
    other = FlyteConnection("x", "h:2", insecure=True)
    assert await shared_aio_channel(connection) is not await shared_aio_channel(other)


async def test_looks_at_an_old_execution_start_calmly(admin: FakeAdmin, conn_id: str) -> None:
    from datetime import timedelta

    young = admin.add_execution("young")
    old = admin.add_execution("old", age=timedelta(hours=1))
    trigger = make(conn_id, poll_interval=5.0, max_poll_interval=30.0)
    assert next(trigger._intervals(young)) < 1
    assert 4.5 <= next(trigger._intervals(old)) <= 5.5
    assert 4.5 <= next(trigger._intervals(None)) <= 5.5
