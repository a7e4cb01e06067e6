"""Lets the first looks at a new execution wait for its end.

flytekit's ``wait`` looks once and then sleeps for 30 s. A run of a fifth of a second would take 31 s to be
seen; with half a second of patience here it is seen at once. That much goes to any caller. One that gives
the answer most of a minute, as ``wait`` does and looks of other clients do not, may be kept for seconds.
Every other GetExecution is answered at once.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict, defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

from flyteidl.admin import execution_pb2
from google.protobuf.message import Message

from flyte_sandbox.clock import Clock
from flyte_sandbox.db.times import from_timestamp
from flyte_sandbox.phases import WORKFLOW_TERMINAL

_NEW_SECONDS = 1.0
_WAITER_SECONDS = 50.0
"""flytekit's ``wait`` and ``sync`` give an answer 60 s. Source: flytekit remote/remote.py
DEFAULT_SYNC_EXECUTION_RPC_TIMEOUT.
"""
_REMEMBERED = 1000
_EAGER_LABEL = "eager-exec"
"""On what an eager task launches. One thread of it looks at all that it has launched, one after the other, so
that waiting for one would hold up the others. Source: flytekit core/worker_queue.py.
"""

Key = tuple[str, str, str]
Get = Callable[[execution_pb2.WorkflowExecutionGetRequest], Awaitable[Any]]


class FirstLook:
    """:param get: reads the execution.

    :param seconds: the patience that is spent on one execution, over all looks together.
    :param wait_seconds: the same where a caller waits as ``wait`` does, if that is more.
    """

    def __init__(self, get: Get, clock: Clock, seconds: float, wait_seconds: float) -> None:
        self._get = get
        self._clock = clock
        self._seconds = seconds
        self._wait_seconds = wait_seconds
        self._spent: OrderedDict[Key, float] = OrderedDict()
        self._waiting: defaultdict[Key, set[asyncio.Event]] = defaultdict(set)
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __call__(
        self, request: execution_pb2.WorkflowExecutionGetRequest, seconds_left: float | None = None
    ) -> Any:
        """:param seconds_left: until the caller's deadline; None when it has none."""
        self._loop = asyncio.get_running_loop()
        execution = await self._get(request)
        key = _key(execution.id)
        is_waiter = seconds_left is not None and seconds_left >= _WAITER_SECONDS
        patience = self._patience(key, is_waiter)
        if patience <= 0 or not self._is_awaited(execution, is_waiter):
            return execution
        self._spend(key, patience)
        return await self._wait(request, key, patience)

    async def _wait(
        self, request: execution_pb2.WorkflowExecutionGetRequest, key: Key, patience: float
    ) -> Any:
        ended = asyncio.Event()
        self._waiting[key].add(ended)
        try:
            # It may have ended between the first read and our listening, so read once more before waiting.
            execution = await self._get(request)
            if execution.closure.phase in WORKFLOW_TERMINAL:
                return execution
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), patience)
        finally:
            self._forget(key, ended)
        return await self._get(request)

    def _forget(self, key: Key, ended: asyncio.Event) -> None:
        self._waiting[key].discard(ended)
        if not self._waiting[key]:
            del self._waiting[key]

    def _patience(self, key: Key, is_waiter: bool) -> float:
        allowed = max(self._seconds, self._wait_seconds) if is_waiter else self._seconds
        return allowed - self._spent.get(key, 0.0)

    def _is_awaited(self, execution: execution_pb2.Execution, is_waiter: bool) -> bool:
        if execution.closure.phase in WORKFLOW_TERMINAL or _EAGER_LABEL in execution.spec.labels.values:
            return False
        age = self._clock.now() - from_timestamp(execution.closure.created_at)
        new_seconds = max(_NEW_SECONDS, self._wait_seconds) if is_waiter else _NEW_SECONDS
        return age.total_seconds() < new_seconds

    def _spend(self, key: Key, patience: float) -> None:
        self._spent[key] = self._spent.get(key, 0.0) + patience
        while len(self._spent) > _REMEMBERED:
            self._spent.popitem(last=False)

    def notify(self, id: Message) -> None:
        """An execution has ended. Safe to call from any thread."""
        loop, key = self._loop, _key(id)
        if loop is not None and key in self._waiting:
            loop.call_soon_threadsafe(self._wake, key)

    def _wake(self, key: Key) -> None:
        for ended in self._waiting.get(key, ()):
            ended.set()


def _key(id: Message) -> Key:
    return id.project, id.domain, id.name  # type: ignore[attr-defined]
