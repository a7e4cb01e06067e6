"""FlyteExecutionEventTrigger: tells an asset's watcher of executions that end, whoever launched them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from flyte_provider import _airflow_private
from flyte_provider._airflow import BaseEventTrigger, TriggerEvent
from flyte_provider._waiting import at_most_every
from flyte_provider.exceptions import FlyteServerError

if TYPE_CHECKING:
    from flyteidl.admin import execution_pb2

    from flyte_provider.hooks.flyte import FlyteAsyncHook

_STORE_KEY = "flyte_watermark"
_PAGE = 100


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

    Triggers of one Flyte do not share their poll, though Airflow 3.3 could have them do so: a shared one
    begins when its first trigger does, and could not go on from where each asset was left.

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
        """Look for ever; an error of Flyte's is borne, and told at most every ten seconds."""
        from flyte_provider.hooks.flyte import FlyteAsyncHook

        hook = FlyteAsyncHook(self.conn_id, self.project, self.domain)
        watermark = await self._load()
        warn = at_most_every(10.0, self.log.warning)
        while True:
            try:
                found = await self._look(hook, watermark)
            except FlyteServerError as exc:
                if not exc.is_transient:
                    raise
                warn(str(exc))
                found = []
            for payload in found:
                yield TriggerEvent(payload)  # type: ignore[no-untyped-call]
                watermark.move(payload["updated_at"], payload["name"])
                await self._save(watermark)
            if len(found) < _PAGE:
                await asyncio.sleep(self.poll_interval)

    async def _look(self, hook: FlyteAsyncHook, watermark: Watermark) -> list[dict[str, Any]]:
        """Return what is news, oldest first."""
        page = await hook.list_executions(
            phases=self.phases,
            launchplan_name=self.launchplan_name,
            updated_since=watermark.updated_at,
            limit=_PAGE,
        )
        payloads = [await self._payload(hook, execution) for execution in page]
        return [event for event in payloads if watermark.is_news(event["updated_at"], event["name"])]

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
