"""FlyteExecutionEventTrigger: every end is told, once, over outages and restarts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from flyte_provider._client.channel import close_shared_channels
from flyte_provider.exceptions import FlyteServerError
from flyte_provider.triggers._events import Watermark
from flyte_provider.triggers.flyte import FlyteExecutionEventTrigger

from ..fakes.admin import DOMAIN, PROJECT, FakeAdmin, Phase


class FakeAssetStore:
    """Airflow 3.3's ``asset_state_store`` of a watcher of one asset."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    async def aget(self, key: str) -> Any:
        return self.values.get(key)

    async def aset(self, key: str, value: Any) -> None:
        self.values[key] = value


@pytest.fixture(autouse=True)
async def _close_channels() -> AsyncIterator[None]:
    yield
    await close_shared_channels()


def make(conn_id: str, **changes: Any) -> FlyteExecutionEventTrigger:
    return FlyteExecutionEventTrigger(conn_id, poll_interval=0.02, **changes)


def launch(admin: FakeAdmin, name: str, launch_plan: str = "lp") -> None:
    admin.script = None
    admin.add_execution(name).spec.launch_plan.name = launch_plan


async def take(events: Any, number: int = 1) -> list[dict[str, Any]]:
    found = [await asyncio.wait_for(anext(events), 20) for _ in range(number)]
    return [event.payload for event in found]


async def looked(admin: FakeAdmin, times: int = 1) -> None:
    await asyncio.to_thread(admin.wait_for, "ListExecutions", admin.count("ListExecutions") + times)


async def test_an_end_is_an_event(admin: FakeAdmin, conn_id: str) -> None:
    launch(admin, "e1")
    events = make(conn_id).run()
    first = asyncio.ensure_future(take(events))
    await looked(admin)
    admin.end("e1")
    (payload,) = await first
    place = {"project": PROJECT, "domain": DOMAIN, "name": "e1", "phase": "SUCCEEDED", "launchplan": "lp"}
    assert payload.items() >= place.items()
    assert payload["url"].endswith("/executions/e1")
    await events.aclose()


async def test_each_end_is_told_once_oldest_first(admin: FakeAdmin, conn_id: str) -> None:
    for name in ("e1", "e2", "e3"):
        launch(admin, name)
    events = make(conn_id, phases=["SUCCEEDED", "FAILED"]).run()
    told = asyncio.ensure_future(take(events, 3))
    await looked(admin)
    admin.end("e2")
    admin.end("e1", Phase.FAILED)
    await looked(admin, 3)
    admin.end("e3")
    assert [payload["name"] for payload in await told] == ["e2", "e1", "e3"]
    await events.aclose()


async def test_only_what_was_asked_for(admin: FakeAdmin, conn_id: str) -> None:
    launch(admin, "other", "other")
    launch(admin, "failed")
    launch(admin, "wanted")
    events = make(conn_id, launchplan_name="lp").run()
    told = asyncio.ensure_future(take(events))
    await looked(admin)
    admin.end("other")
    admin.end("failed", Phase.FAILED)
    admin.end("wanted")
    assert [payload["name"] for payload in await told] == ["wanted"]
    await events.aclose()


async def test_what_ended_before_is_past(admin: FakeAdmin, conn_id: str) -> None:
    launch(admin, "old")
    admin.end("old")
    launch(admin, "new")
    events = make(conn_id).run()
    told = asyncio.ensure_future(take(events))
    await looked(admin)
    admin.end("new")
    assert [payload["name"] for payload in await told] == ["new"]
    await events.aclose()


async def test_a_restart_goes_on_where_it_was(admin: FakeAdmin, conn_id: str) -> None:
    store = FakeAssetStore()
    for name in ("e1", "e2"):
        launch(admin, name)
    trigger = make(conn_id)
    trigger.asset_state_store = store  # type: ignore[assignment]
    events = trigger.run()
    told = asyncio.ensure_future(take(events))
    await looked(admin)
    admin.end("e1")
    await told
    waiting = asyncio.ensure_future(anext(events))
    await looked(admin, 2)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    admin.end("e2")
    again = make(conn_id)
    again.asset_state_store = store  # type: ignore[assignment]
    events = again.run()
    assert [payload["name"] for payload in await take(events)] == ["e2"]
    await events.aclose()


async def test_a_store_that_does_not_answer_is_no_failure(admin: FakeAdmin, conn_id: str) -> None:
    launch(admin, "e1")
    trigger = make(conn_id)
    trigger.asset_state_store = SimpleNamespace()  # type: ignore[assignment]
    events = trigger.run()
    told = asyncio.ensure_future(take(events))
    await looked(admin)
    admin.end("e1")
    assert len(await told) == 1
    await events.aclose()


async def test_an_outage_is_borne(admin: FakeAdmin, conn_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flyte_provider._client.admin._FIRST_PAUSE_SECONDS", 0.0)
    launch(admin, "e1")
    events = make(conn_id).run()
    told = asyncio.ensure_future(take(events))
    await looked(admin)
    admin.fail("ListExecutions", times=5)
    admin.end("e1")
    assert len(await told) == 1
    await events.aclose()


async def test_a_refusal_comes_out(admin: FakeAdmin, conn_id: str) -> None:
    admin.fail("ListExecutions", grpc.StatusCode.PERMISSION_DENIED)
    with pytest.raises(FlyteServerError, match="PERMISSION_DENIED"):
        await take(make(conn_id).run())


# -- one stream for many watchers ----------------------------------------------------------------------------


@pytest.fixture
async def streams() -> AsyncIterator[Any]:
    """Airflow's own manager of shared streams (3.3 and newer)."""
    module = pytest.importorskip("airflow.triggers.shared_stream", reason="Airflow 3.3 shares streams")
    manager = module.SharedStreamManager()
    yield manager
    await manager.stop_all()


def share(streams: Any, trigger: Any, trigger_id: int) -> Any:
    """Do as the triggerer does; return the trigger's events."""
    stream = streams.subscribe(trigger_id=trigger_id, trigger=trigger, key=trigger.shared_stream_key())
    return trigger.filter_shared_stream(stream)


async def test_watchers_share_their_questions(streams: Any, admin: FakeAdmin, conn_id: str) -> None:
    for number in range(5):
        launch(admin, f"e{number}", f"lp{number}")
    triggers = [make(conn_id, launchplan_name=f"lp{number}") for number in range(5)]
    told = [asyncio.ensure_future(take(share(streams, one, id(one)))) for one in triggers]
    # One of each trigger's own, to catch up; everything after that is the stream's.
    await looked(admin, len(triggers) + 1)
    admin.end("e3")
    assert [payload["name"] for payload in await told[3]] == ["e3"]
    before = admin.count("ListExecutions")
    for number in (0, 1, 2, 4):
        admin.end(f"e{number}")
    rest = await asyncio.gather(*told[:3], told[4])
    assert [payload["name"] for (payload,) in rest] == ["e0", "e1", "e2", "e4"]
    assert admin.count("ListExecutions") - before <= 3


async def test_a_shared_stream_tells_only_what_was_asked_for(
    streams: Any, admin: FakeAdmin, conn_id: str
) -> None:
    for name in ("failed", "other", "wanted"):
        launch(admin, name, "other" if name == "other" else "lp")
    told = asyncio.ensure_future(take(share(streams, make(conn_id, launchplan_name="lp"), 1)))
    await looked(admin, 2)
    admin.end("failed", Phase.FAILED)
    admin.end("other")
    admin.end("wanted")
    assert [payload["name"] for payload in await told] == ["wanted"]


async def test_who_joins_a_shared_stream_goes_on_where_it_was(
    streams: Any, admin: FakeAdmin, conn_id: str
) -> None:
    """What ended while its triggerer was away is told, once, though the stream has gone by."""
    store = FakeAssetStore()
    store.values["flyte_watermark"] = {"updated_at": "2024-01-01T00:00:00.000000Z", "names": []}
    launch(admin, "missed")
    admin.end("missed")
    first = asyncio.ensure_future(take(share(streams, make(conn_id), 1)))
    await looked(admin, 3)
    late = make(conn_id)
    late.asset_state_store = store  # type: ignore[assignment]
    told = asyncio.ensure_future(take(share(streams, late, 2), 2))
    await looked(admin, 3)
    launch(admin, "new")
    admin.end("new")
    assert [payload["name"] for payload in await told] == ["missed", "new"]
    assert [payload["name"] for payload in await first] == ["new"]
    assert store.values["flyte_watermark"]["names"] == ["missed"]


async def test_a_shared_stream_bears_an_outage(
    streams: Any, admin: FakeAdmin, conn_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flyte_provider._client.admin._FIRST_PAUSE_SECONDS", 0.0)
    launch(admin, "e1")
    told = asyncio.ensure_future(take(share(streams, make(conn_id), 1)))
    await looked(admin, 2)
    admin.fail("ListExecutions", times=5)
    admin.end("e1")
    assert len(await told) == 1


def test_only_triggers_of_one_place_and_pace_share() -> None:
    keys = {
        FlyteExecutionEventTrigger("c", "p", "d", "lp1").shared_stream_key(),
        FlyteExecutionEventTrigger("c", "p", "d", "lp2", ("FAILED",)).shared_stream_key(),
    }
    assert len(keys) == 1
    others = [("c2", "p", "d"), ("c", "p2", "d"), ("c", "p", "d2")]
    assert keys.isdisjoint(FlyteExecutionEventTrigger(*other).shared_stream_key() for other in others)
    slower = FlyteExecutionEventTrigger("c", "p", "d", poll_interval=60.0)
    assert slower.shared_stream_key() not in keys


async def test_many_ends_at_once_are_told_page_by_page(
    admin: FakeAdmin, conn_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flyte_provider.triggers._events._PAGE", 2)
    names = [f"e{number}" for number in range(7)]
    for name in names:
        launch(admin, name)
    events = make(conn_id).run()
    told = asyncio.ensure_future(take(events, 7))
    await looked(admin)
    with admin.lock:
        for name in names:
            admin.end(name)
    assert [payload["name"] for payload in await told] == names
    await events.aclose()


def test_it_serialises_exactly_its_arguments() -> None:
    trigger = FlyteExecutionEventTrigger("c", "p", "d", "lp", ("FAILED",), 5.0)
    path, kwargs = trigger.serialize()
    assert path == "flyte_provider.triggers.flyte.FlyteExecutionEventTrigger"
    assert FlyteExecutionEventTrigger(**kwargs).serialize() == (path, kwargs)
    code = FlyteExecutionEventTrigger.__init__.__code__
    assert set(kwargs) == set(code.co_varnames[1 : code.co_argcount])


def test_a_watcher_takes_it() -> None:
    watcher = pytest.importorskip("airflow.sdk").AssetWatcher(name="w", trigger=FlyteExecutionEventTrigger())
    assert watcher.trigger.conn_id == "flyte_default"


def test_a_watermark_tells_news_from_what_was_told() -> None:
    mark = Watermark("2024-01-01T00:00:00Z", ["a"])
    assert not mark.is_news("2024-01-01T00:00:00Z", "a")
    assert mark.is_news("2024-01-01T00:00:00Z", "b")
    assert not mark.is_news("2023-01-01T00:00:00Z", "c")
    mark.move("2024-01-01T00:00:00Z", "b")
    assert mark.names == ["a", "b"]
    mark.move("2024-01-02T00:00:00Z", "c")
    assert (mark.updated_at, mark.names) == ("2024-01-02T00:00:00Z", ["c"])
