"""Each RPC answers with each gRPC code, before and after it did its work: one execution, and a clear end.

Whatever goes wrong, a task succeeds or fails with an error of ours, its second try does the same, and Flyte
has one execution for it at the end of both, unless the first try's was refused for good.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from flyteidl.core import types_pb2

from flyte_provider._client.channel import close_shared_channels
from flyte_provider._client.codec import encode
from flyte_provider.exceptions import TRANSIENT_CODES, FlyteProviderError
from flyte_provider.operators.flyte import FlyteOperator
from flyte_provider.triggers.flyte import FlyteExecutionTrigger

from ..fakes.admin import DOMAIN, PROJECT, FakeAdmin, Phase, Script
from ..fakes.airflow import FakeTaskInstance, make_connection, make_context

# Many rather than slow, but too many for every commit.
pytestmark = pytest.mark.processes

INT = types_pb2.LiteralType(simple=types_pb2.INTEGER)
CODES = [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK]
METHODS = ("GetActiveLaunchPlan", "CreateExecution", "GetExecution", "ListNodeExecutions", "GetExecutionData")
# What is told only, or has another way to be found out.
HARMLESS = {"ListNodeExecutions"}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flyte_provider._client.admin._FIRST_PAUSE_SECONDS", 0.005)
    monkeypatch.setattr("flyte_provider._waiting.FIRST_LOOK_SECONDS", 0.01)


@pytest.fixture
def flyte(admin: FakeAdmin, conn_id: str) -> FakeAdmin:
    admin.add_launch_plan("lp", {"x": INT})
    admin.script = Script(looks=1, outputs={"y": encode(2, INT)})
    return admin


def run_try(number: int) -> Any:
    """Run one try of the same task; return its result, or its error."""
    operator = FlyteOperator(
        task_id="t",
        flyte_conn_id="flyte_test",
        launchplan_name="lp",
        inputs={"x": 1},
        retries=3,
        deferrable=False,
        return_value="outputs",
        poll_interval=0.01,
        max_poll_interval=0.01,
    )
    ti = FakeTaskInstance(task_id="t", try_number=number, max_tries=3)
    try:
        return operator.execute(make_context(operator, ti))
    except FlyteProviderError as exc:
        return exc


def cases() -> Iterator[Any]:
    for method in METHODS:
        for code in CODES:
            for after in (False, True):
                yield pytest.param(
                    method, code, after, id=f"{method}-{code.name}-{'after' if after else 'before'}"
                )


@pytest.mark.parametrize(("method", "code", "after"), list(cases()))
def test_one_fault_costs_at_most_a_try(
    flyte: FakeAdmin, method: str, code: grpc.StatusCode, after: bool
) -> None:
    flyte.fail(method, code, after=after)
    first = run_try(1)
    if code.name in TRANSIENT_CODES or method in HARMLESS:
        assert first == {"y": 2}
    second = first if first == {"y": 2} else run_try(2)
    assert second == {"y": 2}, f"the second try found {second!r}"
    assert len(flyte.executions) == 1


@pytest.mark.parametrize("code", [code for code in CODES if code.name not in TRANSIENT_CODES])
def test_a_code_that_stays_is_an_error_of_ours(flyte: FakeAdmin, code: grpc.StatusCode) -> None:
    flyte.fail("CreateExecution", code, times=100)
    error = run_try(1)
    assert isinstance(error, FlyteProviderError)
    assert flyte.executions == {}


def test_an_answer_that_comes_too_late_has_launched_all_the_same(
    flyte: FakeAdmin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server does its work while we have given up: the repetition finds what the first call made."""
    make_connection(monkeypatch, flyte.port, timeout=1)
    flyte.delay("CreateExecution", 1.5)
    assert run_try(1) == {"y": 2}
    assert flyte.count("CreateExecution") == 2
    assert len(flyte.executions) == 1


def test_a_server_that_never_answers_a_create_is_not_launched_at_twice(
    flyte: FakeAdmin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flyte_provider.operators.flyte.FlyteHook.get_client", _impatient)
    flyte.fail("CreateExecution", grpc.StatusCode.UNAVAILABLE, times=3, after=True)
    assert isinstance(run_try(1), FlyteProviderError) or len(flyte.executions) == 1
    assert run_try(2) == {"y": 2}
    assert len(flyte.executions) == 1


def _impatient(self: Any, pause: Any = None) -> Any:
    from flyte_provider._client.admin import FlyteClient

    if self._client is None:
        self._client = FlyteClient(self.connection, retry_seconds=0)
    return self._client


@pytest.mark.parametrize("batched", [False, True], ids=["alone", "in a crowd"])
@pytest.mark.parametrize("code", CODES)
async def test_a_trigger_bears_what_may_pass_and_reports_the_rest(
    admin: FakeAdmin, conn_id: str, code: grpc.StatusCode, batched: bool
) -> None:
    admin.script = None
    names = [f"e{index}" for index in range(10 if batched else 1)]
    for name in names:
        admin.add_execution(name)
    kwargs = {"poll_interval": 0.01, "max_poll_interval": 0.01, "log_progress": False}
    triggers = [FlyteExecutionTrigger(conn_id, PROJECT, DOMAIN, name, **kwargs) for name in names]
    method = "ListExecutions" if batched else "GetExecution"
    waits = [asyncio.create_task(_first_event(trigger)) for trigger in triggers]
    await asyncio.to_thread(admin.wait_for, method, 2)
    admin.fail(method, code)
    await asyncio.to_thread(
        admin.wait_for, "GetExecution", admin.count("GetExecution") + 1
    ) if not batched else None
    for name in names:
        admin.end(name)
    statuses = {event["status"] for event in await asyncio.gather(*waits)}
    # A list that is refused is done without; a look that is refused ends the wait.
    bears = code.name in TRANSIENT_CODES
    allowed = {"succeeded"} if bears else {"succeeded", "lost"}
    assert statuses <= allowed
    assert all(entry.closure.phase == Phase.SUCCEEDED for entry in admin.executions.values())
    await close_shared_channels()


async def _first_event(trigger: FlyteExecutionTrigger) -> dict[str, Any]:
    async for event in trigger.run():
        return dict(event.payload)
    raise AssertionError("no event")
