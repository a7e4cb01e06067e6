"""Runs the HTTP app on a unix socket inside the event loop of its caller."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

_KEEP_ALIVE_SECONDS = 60
_STARTUP_LOOK_SECONDS = 0.002


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to whoever owns the process."""
        yield


class HttpServer:
    """:param path: the unix socket; :class:`~flyte_sandbox.web.front.Front` connects to it."""

    def __init__(self, app: ASGIApp, path: Path) -> None:
        self._path = path
        self._server = _Server(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="off",
                ws="none",
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=1,
            )
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns when requests are answered."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(self._path))
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started and not self._task.done():  # noqa: ASYNC110 - uvicorn sets a flag, no event
            await asyncio.sleep(_STARTUP_LOOK_SECONDS)
        if self._task.done():
            await self._task

    async def stop(self) -> None:
        """Lets requests end for a second."""
        if self._task is not None:
            self._server.should_exit = True
            await self._task
            self._path.unlink(missing_ok=True)
