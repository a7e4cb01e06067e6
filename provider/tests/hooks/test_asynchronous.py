"""FlyteAsyncHook on an event loop, against a fake Flyte."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator

import pytest
from flyteidl.core import types_pb2

from flyte_provider._client.channel import close_shared_channels, shared_aio_channel
from flyte_provider._client.codec import encode
from flyte_provider.exceptions import FlyteEntityNotFoundError, FlyteExecutionAbortedError
from flyte_provider.hooks.flyte import FlyteAsyncHook, FlyteHook

from ..fakes.admin import FakeAdmin, Phase

INT = types_pb2.LiteralType(simple=types_pb2.INTEGER)
QUICK = {"poll_interval": 0.02, "max_poll_interval": 0.02}


@pytest.fixture
async def hook(conn_id: str) -> AsyncIterator[FlyteAsyncHook]:
    hook = FlyteAsyncHook(conn_id)
    yield hook
    await hook.close()
    await close_shared_channels()


def test_it_has_the_blocking_hooks_methods() -> None:
    """All but what names something without asking anybody, and what is flytekit's."""
    names = {name for name, _ in inspect.getmembers(FlyteHook, inspect.isfunction) if name in vars(FlyteHook)}
    mirrored = {name for name in names if not name.startswith("_")}
    missing = mirrored - set(vars(FlyteAsyncHook))
    assert missing == {"get_client", "execution_id", "ref", "create_flyte_remote", "upload"}


async def test_an_execution_is_launched_awaited_and_read(admin: FakeAdmin, hook: FlyteAsyncHook) -> None:
    assert admin.script is not None
    admin.add_launch_plan("lp", {"x": INT})
    admin.script.looks, admin.script.outputs = 2, {"y": encode(2, INT)}
    ref = await hook.trigger_execution("e1", launchplan_name="lp", inputs={"x": 1})
    assert ref.url == await hook.console_url("e1")
    assert (await hook.wait("e1", **QUICK)).closure.phase == Phase.SUCCEEDED
    assert await hook.execution_status("e1")
    assert await hook.get_outputs("e1") == {"y": 2}
    assert [entry.id.name for entry in await hook.list_executions()] == ["e1"]


async def test_waiting_ends_with_the_time_allowed(admin: FakeAdmin, hook: FlyteAsyncHook) -> None:
    admin.script = None
    admin.add_execution("e1")
    with pytest.raises(TimeoutError, match=r"e1 still runs after 0\.1 s"):
        await hook.wait("e1", timeout_seconds=0.1, **QUICK)


async def test_an_aborted_execution_is_an_error(admin: FakeAdmin, hook: FlyteAsyncHook) -> None:
    admin.script = None
    admin.add_execution("e1")
    assert not await hook.execution_status("e1")
    await hook.terminate("e1", "enough")
    admin.end("e1")
    with pytest.raises(FlyteExecutionAbortedError, match="enough"):
        await hook.wait("e1", **QUICK)
    await hook.terminate("e1", "again")


async def test_a_missing_execution_is_an_error(hook: FlyteAsyncHook) -> None:
    with pytest.raises(FlyteEntityNotFoundError):
        await hook.get_execution("e1")
    with pytest.raises(FlyteEntityNotFoundError):
        await hook.terminate("e1", "why")


async def test_signals_and_recovery(admin: FakeAdmin, hook: FlyteAsyncHook) -> None:
    admin.add_execution("e1")
    admin.add_signal("e1", "rate", INT)
    await hook.set_signal("e1", "rate", 4)
    assert (await hook.list_signals("e1"))[0]["value"] == 4
    assert await hook.recover("e1", "e2") == "e2"


async def test_the_connection_is_tested(
    admin: FakeAdmin, hook: FlyteAsyncHook, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await hook.test_connection())[0] is True
    monkeypatch.setenv("AIRFLOW_CONN_FLYTE_OTHER", "flyte://")
    worked, text = await FlyteAsyncHook("flyte_other").test_connection()
    assert (worked, "no host" in text) == (False, True)


async def test_its_channel_is_the_loops(hook: FlyteAsyncHook) -> None:
    channel = await hook.get_conn()
    assert channel is await shared_aio_channel(hook._hook.connection)


async def test_many_that_wait_travel_together(admin: FakeAdmin, hook: FlyteAsyncHook) -> None:
    names = [f"e{index}" for index in range(20)]
    admin.script = None
    for name in names:
        admin.add_execution(name)
    waits = [asyncio.ensure_future(hook.wait(name, **QUICK)) for name in names]
    await asyncio.to_thread(admin.wait_for, "ListExecutions", 2)
    for name in names:
        admin.end(name)
    assert {execution.id.name for execution in await asyncio.gather(*waits)} == set(names)
