"""FlyteExecutionEventTrigger: tells an asset's watcher of executions that end, whoever launched them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from flyte_provider import _airflow_private
from flyte_provider._airflow import BaseEventTrigger, TriggerEvent
from flyte_provider._kinds import check_texts, refuse
from flyte_provider._launch.identity import CLOCK_DIFFERENCE
from flyte_provider._waiting import at_most_every
from flyte_provider.exceptions import FlyteServerError

if TYPE_CHECKING:
    from flyteidl.admin import execution_pb2

    from flyte_provider.hooks.flyte import FlyteAsyncHook

_STORE_KEY = "flyte_watermark"
_PAGE = 100
_TERMINAL = ["SUCCEEDED", "FAILED", "ABORTED", "TIMED_OUT"]


@dataclass
class Watermark:
    """How far the watcher has come.

    :param updated_at: the last change that was told of (ISO 8601)
    :param names: the executions that were told of at that very moment
    """

    updated_at: str
    names: list[str] = field(default_factory=list)

    def is_news(self, updated_at: str, name: str) -> bool:
        return updated_at > self.updated_at or (updated_at == self.updated_at and name not in self.names)

    def move(self, updated_at: str, name: str) -> None:
        if updated_at > self.updated_at:
            self.updated_at, self.names = updated_at, []
        self.names.append(name)


class FlyteExecutionEventTrigger(BaseEventTrigger):
    """
    Yield an event for every execution that comes to one of some phases.

    For an ``AssetWatcher``: a Dag then runs when Flyte is done, also with what Airflow did not launch. An
    event is a dict of ``project``, ``domain``, ``name``, ``phase``, ``launchplan``, ``url``, ``outputs_uri``
    and ``updated_at``. Where Airflow keeps state for assets (3.3 and newer) and the trigger watches for one
    asset, nothing is missed and nothing told twice over a restart of the triggerer; elsewhere watching begins
    when the trigger does.

    On Airflow 3.3 and newer all triggers of one connection, project, domain and ``poll_interval`` share their
    questions to Flyte, however many assets there are.

    :param conn_id: The Flyte connection to use.
    :param project: The project; the connection's where None.
    :param domain: The domain; the connection's where None.
    :param launchplan_name: Only executions of this launch plan; of all where None.
    :param phases: Phases to tell of, among SUCCEEDED, FAILED, ABORTED and TIMED_OUT.
    :param poll_interval: Seconds between two looks.
    """

    def __init__(
        self,
        conn_id: str = "flyte_default",
        project: str | None = None,
        domain: str | None = None,
        launchplan_name: str | None = None,
        phases: list[str] | tuple[str, ...] = ("SUCCEEDED",),
        poll_interval: float = 10.0,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.conn_id = conn_id
        self.project = project
        self.domain = domain
        self.launchplan_name = launchplan_name
        check_texts("phases", phases)
        if unknown := sorted(set(phases) - set(_TERMINAL)):
            raise refuse("phases", unknown[0], f"some of {', '.join(_TERMINAL)}")
        self.phases = list(phases)
        self.poll_interval = poll_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return exactly the constructor's arguments."""
        return (
            "flyte_provider.triggers.flyte.FlyteExecutionEventTrigger",
            {
                "conn_id": self.conn_id,
                "project": self.project,
                "domain": self.domain,
                "launchplan_name": self.launchplan_name,
                "phases": self.phases,
                "poll_interval": self.poll_interval,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look for ever, with questions of one's own (Airflow before 3.3)."""
        hook, watermark = self._hook(), await self._load()
        while True:
            async for payload in self._catch_up(hook, watermark):
                yield TriggerEvent(payload)  # type: ignore[no-untyped-call]
                await self._save(watermark)
            await asyncio.sleep(self.poll_interval)

    # -- one stream for many watchers ------------------------------------------------------------------------

    def shared_stream_key(self) -> Hashable:
        """Return what triggers have in common that may share their questions (Airflow 3.3 and newer)."""
        return ("flyte", self.conn_id, self.project, self.domain, self.poll_interval)

    @classmethod
    async def open_shared_stream(cls, kwargs: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        """Yield every end in a project and domain, for all triggers of one key.

        It begins a little early: each trigger knows what it has told, and clocks differ.
        """
        trigger = cls(**kwargs | {"launchplan_name": None, "phases": _TERMINAL})
        hook, watermark = trigger._hook(), Watermark(_iso(datetime.now(timezone.utc) - CLOCK_DIFFERENCE))
        while True:
            async for payload in trigger._catch_up(hook, watermark):
                yield payload
            await asyncio.sleep(trigger.poll_interval)

    async def filter_shared_stream(
        self, shared_stream: AsyncIterator[dict[str, Any]]
    ) -> AsyncIterator[TriggerEvent]:
        """Tell first what has ended since this trigger was last here, then what is wanted of the stream."""
        hook, watermark = self._hook(), await self._load()
        async for payload in self._catch_up(hook, watermark):
            yield TriggerEvent(payload)  # type: ignore[no-untyped-call]
            await self._save(watermark)
        async for payload in shared_stream:
            if self._is_wanted(payload) and watermark.is_news(payload["updated_at"], payload["name"]):
                watermark.move(payload["updated_at"], payload["name"])
                yield TriggerEvent(payload)  # type: ignore[no-untyped-call]
                await self._save(watermark)

    def _is_wanted(self, payload: dict[str, Any]) -> bool:
        return payload["phase"] in self.phases and self.launchplan_name in (None, payload["launchplan"])

    # -- looking ---------------------------------------------------------------------------------------------

    def _hook(self) -> FlyteAsyncHook:
        from flyte_provider.hooks.flyte import FlyteAsyncHook

        return FlyteAsyncHook(self.conn_id, self.project, self.domain)

    async def _catch_up(self, hook: FlyteAsyncHook, watermark: Watermark) -> AsyncIterator[dict[str, Any]]:
        """Yield what is news, oldest first, until there is no more, moving the watermark along.

        An error of Flyte's that may pass is borne, and told at most every ten seconds.
        """
        warn = at_most_every(10.0, self.log.warning)
        while True:
            try:
                page = await self._look(hook, watermark)
            except FlyteServerError as exc:
                if not exc.is_transient:
                    raise
                warn(str(exc))
                await asyncio.sleep(self.poll_interval)
                continue
            news = [event for event in page if watermark.is_news(event["updated_at"], event["name"])]
            for payload in news:
                watermark.move(payload["updated_at"], payload["name"])
                yield payload
            if not news or len(page) < _PAGE:
                return

    async def _look(self, hook: FlyteAsyncHook, watermark: Watermark) -> list[dict[str, Any]]:
        """Return a page of what has ended at the watermark or later, oldest first."""
        page = await hook.list_executions(
            phases=self.phases,
            launchplan_name=self.launchplan_name,
            updated_since=watermark.updated_at,
            limit=_PAGE,
        )
        return [await self._payload(hook, execution) for execution in page]

    @staticmethod
    async def _payload(hook: FlyteAsyncHook, execution: execution_pb2.Execution) -> dict[str, Any]:
        from flyte_provider._client import phases
        from flyte_provider._client.results import name_parts

        return {
            **name_parts(execution.id),
            "phase": phases.phase_name(execution.closure.phase),
            "launchplan": execution.spec.launch_plan.name,
            "url": await hook.console_url(execution.id.name),
            "outputs_uri": execution.closure.outputs.uri,
            "updated_at": _iso(execution.closure.updated_at.ToDatetime(tzinfo=timezone.utc)),
        }

    async def _load(self) -> Watermark:
        stored = await _airflow_private.read_asset_state(self, _STORE_KEY)
        if isinstance(stored, dict) and stored.get("updated_at"):
            return Watermark(str(stored["updated_at"]), [str(name) for name in stored.get("names") or ()])
        return Watermark(_iso(datetime.now(timezone.utc)))

    async def _save(self, watermark: Watermark) -> None:
        state = {"updated_at": watermark.updated_at, "names": watermark.names}
        await _airflow_private.write_asset_state(self, _STORE_KEY, state)


def _iso(moment: datetime) -> str:
    """Return a text that sorts as time does. With a Z, since flyteadmin's filters end at a plus sign."""
    return moment.astimezone(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")
