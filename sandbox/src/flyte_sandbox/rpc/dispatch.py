"""One path for every call, whichever door it came through: find the handler, run it, tame what it raises."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from google.protobuf.message import Message

from flyte_sandbox.errors import DiskFull, Internal, SandboxError, Unimplemented, is_full_disk

logger = logging.getLogger(__name__)

Handler = Callable[[Any], Message]
"""Runs in a thread of the pool and may block on the database."""

AsyncHandler = Callable[[Any, float | None], Awaitable[Message]]
"""Runs on the event loop and waits without holding a thread; is told how many seconds its caller waits."""

Deadline = Callable[[], float | None]
"""Seconds that are left to the caller's deadline; None when it has none."""

_WORKERS = 32


class Dispatcher:
    """:param handlers: by full method name; what is absent answers UNIMPLEMENTED.

    :param waiting_handlers: the few that wait for something to happen; they win over ``handlers``.
    """

    def __init__(
        self, handlers: Mapping[str, Handler], waiting_handlers: Mapping[str, AsyncHandler] | None = None
    ) -> None:
        self._handlers = handlers
        self._waiting_handlers = waiting_handlers or {}
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="rpc")

    async def call(self, name: str, request: Message, deadline: Deadline = lambda: None) -> Message:
        """:raises SandboxError: and nothing else, so that no client ever sees UNKNOWN."""
        try:
            return await self._run(name, request, deadline)
        except SandboxError:
            raise
        except asyncio.CancelledError:
            raise
        except Exception as exc:
            if is_full_disk(exc):
                raise DiskFull from exc
            logger.exception("%s failed", name)
            raise Internal(
                f"{name.rpartition('/')[2]} failed: {type(exc).__name__}; see the server's log"
            ) from exc

    async def _run(self, name: str, request: Message, deadline: Deadline) -> Message:
        if name in self._waiting_handlers:
            return await self._waiting_handlers[name](request, deadline())
        if name not in self._handlers:
            raise Unimplemented(f"{name.rpartition('/')[2]} is not there yet in this sandbox")
        return await self.in_thread(self._handlers[name], request)

    async def in_thread(self, handler: Handler, request: Any) -> Message:
        return await asyncio.get_running_loop().run_in_executor(self._pool, handler, request)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
