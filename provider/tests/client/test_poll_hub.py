"""Many looks, few RPCs; and nobody is left without an answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import grpc
import pytest

from flyte_provider._client import poll_hub
from flyte_provider._client.aio import ExecutionWatch, find_connection
from flyte_provider._client.channel import close_shared_channels, shared_aio_channel
from flyte_provider._client.poll_hub import BATCH_FROM, PollHub
from flyte_provider.connection import FlyteConnection
from flyte_provider.exceptions import FlyteConfigurationError, FlyteEntityNotFoundError, FlyteServerError

from ..fakes.admin import FakeAdmin, Phase, execution_id

MANY = [f"e{index}" for index in range(20)]


@pytest.fixture
async def hub(admin: FakeAdmin, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PollHub]:
    monkeypatch.setattr(poll_hub, "WINDOW_SECONDS", 0.05)
    connection = FlyteConnection("c", f"127.0.0.1:{admin.port}", insecure=True, timeout_seconds=10)
    yield PollHub(connection, await shared_aio_channel(connection))
    await close_shared_channels()


@pytest.fixture
def waiting(admin: FakeAdmin, hub: PollHub) -> Iterator[ExitStack]:
    """Twenty running executions that are awaited."""
    admin.script = None
    with ExitStack() as stack:
        for name in MANY:
            admin.add_execution(name)
            stack.enter_context(hub.awaiting(execution_id(name)))
        yield stack


async def look_at_all(hub: PollHub, names: list[str] = MANY) -> list[object]:
    looks = (hub.look(execution_id(name)) for name in names)
    return await asyncio.gather(*looks, return_exceptions=True)


async def test_many_looks_are_one_rpc(admin: FakeAdmin, hub: PollHub, waiting: ExitStack) -> None:
    found = await look_at_all(hub)
    assert [execution.id.name for execution in found] == MANY  # type: ignore[attr-defined]
    assert admin.calls == ["ListExecutions"]


async def test_few_are_looked_at_one_by_one(admin: FakeAdmin, hub: PollHub) -> None:
    few = MANY[: BATCH_FROM - 1]
    with ExitStack() as stack:
        for name in few:
            admin.add_execution(name)
            stack.enter_context(hub.awaiting(execution_id(name)))
        await look_at_all(hub, few)
    assert admin.calls == ["GetExecution"] * len(few)


async def test_those_who_stop_waiting_are_not_counted(
    admin: FakeAdmin, hub: PollHub, waiting: ExitStack
) -> None:
    waiting.close()
    await hub.look(execution_id("e1"))
    assert admin.calls == ["GetExecution"]
    assert hub._groups == {}


async def test_an_archived_execution_is_found_on_its_own(
    admin: FakeAdmin, hub: PollHub, waiting: ExitStack
) -> None:
    admin.archived = {"e3", "e7"}
    found = await look_at_all(hub)
    assert {execution.id.name for execution in found} == set(MANY)  # type: ignore[attr-defined]
    assert sorted(admin.calls) == ["GetExecution", "GetExecution", "ListExecutions"]


async def test_a_missing_execution_fails_only_those_who_wait_for_it(
    admin: FakeAdmin, hub: PollHub, waiting: ExitStack
) -> None:
    del admin.executions["e3"]
    found = await look_at_all(hub)
    assert [isinstance(answer, FlyteEntityNotFoundError) for answer in found].count(True) == 1
    assert isinstance(found[3], FlyteEntityNotFoundError)


async def test_two_who_wait_for_one_execution_both_hear(
    admin: FakeAdmin, hub: PollHub, waiting: ExitStack
) -> None:
    first, second = await look_at_all(hub, ["e1", "e1"])
    assert first is second


async def test_a_full_list_does_not_wait_for_more(
    admin: FakeAdmin, hub: PollHub, waiting: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poll_hub, "WINDOW_SECONDS", 60.0)
    monkeypatch.setattr(poll_hub, "MOST_NAMES", 10)
    await look_at_all(hub)
    assert admin.calls == ["ListExecutions"] * 2


async def test_an_outage_is_everybodys(admin: FakeAdmin, hub: PollHub, waiting: ExitStack) -> None:
    admin.fail("ListExecutions")
    found = await look_at_all(hub)
    assert all(isinstance(answer, FlyteServerError) and answer.is_transient for answer in found)
    assert len(await look_at_all(hub)) == 20
    assert admin.calls == ["ListExecutions"] * 2


@pytest.mark.parametrize("code", [grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.INVALID_ARGUMENT])
async def test_a_server_that_does_not_list_is_asked_one_by_one(
    admin: FakeAdmin, hub: PollHub, waiting: ExitStack, code: grpc.StatusCode
) -> None:
    admin.fail("ListExecutions", code)
    await look_at_all(hub)
    found = await look_at_all(hub)
    assert [execution.id.name for execution in found] == MANY  # type: ignore[attr-defined]
    assert (admin.count("ListExecutions"), admin.count("GetExecution")) == (1, 40)


async def test_a_cancelled_look_does_not_disturb_the_others(
    admin: FakeAdmin, hub: PollHub, waiting: ExitStack
) -> None:
    tasks = [asyncio.ensure_future(hub.look(execution_id(name))) for name in MANY]
    await asyncio.sleep(0)
    tasks[0].cancel()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)
    assert [execution.id.name for execution in found[1:]] == MANY[1:]  # type: ignore[union-attr]


async def test_an_error_of_ours_leaves_nobody_waiting(
    admin: FakeAdmin, hub: PollHub, waiting: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*args: object) -> None:
        raise KeyError("ours")

    monkeypatch.setattr(hub, "_list", broken)
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    assert all(isinstance(answer, KeyError) for answer in await look_at_all(hub))


async def test_no_more_calls_at_once_than_allowed(admin: FakeAdmin) -> None:
    connection = FlyteConnection("c", f"127.0.0.1:{admin.port}", insecure=True, timeout_seconds=10)
    hub = PollHub(connection, await shared_aio_channel(connection), most_in_flight=2)
    admin.add_execution("e1")
    gate = admin.hold("GetExecution")
    looks = [asyncio.ensure_future(hub.look(execution_id("e1"))) for _ in range(6)]
    await asyncio.to_thread(admin.wait_for, "GetExecution", 2)
    assert admin.count("GetExecution") == 2
    gate.set()
    assert len(await asyncio.gather(*looks)) == 6
    await close_shared_channels()


async def test_an_execution_that_ends_is_seen_in_a_list(
    admin: FakeAdmin, hub: PollHub, waiting: ExitStack
) -> None:
    admin.end("e5")
    found = await look_at_all(hub)
    assert found[5].closure.phase == Phase.SUCCEEDED  # type: ignore[attr-defined]


async def test_a_process_has_one_hub_for_a_connection(admin: FakeAdmin) -> None:
    connection = FlyteConnection("c", f"127.0.0.1:{admin.port}", insecure=True)
    first, second = await ExecutionWatch.open(connection), await ExecutionWatch.open(connection)
    assert first._hub is second._hub
    await close_shared_channels()
    assert (await ExecutionWatch.open(connection))._hub is not first._hub
    await close_shared_channels()


async def test_a_connection_is_looked_up_once_for_all(conn_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from flyte_provider import _airflow_private

    asked: list[str] = []
    look_up = _airflow_private.get_connection_async

    async def count(name: str) -> object:
        asked.append(name)
        await asyncio.sleep(0)
        return await look_up(name)

    monkeypatch.setattr(_airflow_private, "get_connection_async", count)
    found = await asyncio.gather(*(find_connection(conn_id) for _ in range(50)))
    assert len(set(map(id, found))) == 1
    assert asked == [conn_id]


async def test_a_bad_connection_is_looked_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_FLYTE_TEST", "flyte://")
    with pytest.raises(FlyteConfigurationError):
        await find_connection("flyte_test")
    monkeypatch.setenv("AIRFLOW_CONN_FLYTE_TEST", "flyte://h")
    assert (await find_connection("flyte_test")).endpoint == "h:443"
