"""Lets the first look at a new execution wait for its end.

flytekit's ``wait`` looks once and then sleeps for 30 s. A run of a fifth of a second would take 31 s to be
seen; with half a second of patience here it is seen at once. Every other GetExecution is answered at once.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

from flyteidl.admin import execution_pb2
from google.protobuf.message import Message

from flyte_sandbox.clock import Clock
from flyte_sandbox.db.times import from_timestamp
from flyte_sandbox.phases import WORKFLOW_TERMINAL

_NEW_SECONDS = 1.0
_REMEMBERED = 1000

Key = tuple[str, str, str]
Get = Callable[[execution_pb2.WorkflowExecutionGetRequest], Awaitable[Any]]


class FirstLook:
    """:param get: reads the execution.

    :param seconds: the patience that is spent on one execution, over all looks together.
    """

    def __init__(self, get: Get, clock: Clock, seconds: float) -> None:
        self._get = get
        self._clock = clock
        self._seconds = seconds
        self._patience: OrderedDict[Key, float] = OrderedDict()
        self._ended: dict[Key, asyncio.Event] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, request: execution_pb2.WorkflowExecutionGetRequest) -> Any:
        self._loop = asyncio.get_running_loop()
        execution = await self._get(request)
        key = _key(execution.id)
        patience = self._patience.get(key, self._seconds)
        if patience <= 0 or not self._is_new(execution):
            return execution
        self._spend(key, patience)
        event = self._ended.setdefault(key, asyncio.Event())
        try:
            return await self._wait(request, event, patience)
        finally:
            self._ended.pop(key, None)

    async def _wait(
        self, request: execution_pb2.WorkflowExecutionGetRequest, event: asyncio.Event, patience: float
    ) -> Any:
        # It may have ended between the first read and our listening, so read once more before waiting.
        execution = await self._get(request)
        if not self._is_new(execution):
            return execution
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), patience)
        return await self._get(request)

    def _is_new(self, execution: execution_pb2.Execution) -> bool:
        if execution.closure.phase in WORKFLOW_TERMINAL:
            return False
        age = self._clock.now() - from_timestamp(execution.closure.created_at)
        return age.total_seconds() < _NEW_SECONDS

    def _spend(self, key: Key, patience: float) -> None:
        self._patience[key] = patience - self._seconds
        while len(self._patience) > _REMEMBERED:
            self._patience.popitem(last=False)

    def notify(self, id: Message) -> None:
        """An execution has ended. Safe to call from any thread."""
        loop, key = self._loop, _key(id)
        if loop is not None and key in self._ended:
            loop.call_soon_threadsafe(self._wake, key)

    def _wake(self, key: Key) -> None:
        event = self._ended.get(key)
        if event is not None:
            event.set()


def _key(id: Message) -> Key:
    return id.project, id.domain, id.name  # type: ignore[attr-defined]
