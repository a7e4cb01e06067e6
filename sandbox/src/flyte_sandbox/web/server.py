"""Runs the HTTP app on a unix socket inside the event loop of its caller."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp

from flyte_sandbox.web.peers import PeerCheck
from flyte_sandbox.web.protocol import GRACE_SECONDS, MAX_HEADER_BYTES, Connection

_KEEP_ALIVE_SECONDS = 60
_STARTUP_LOOK_SECONDS = 0.002


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to whoever owns the process."""
        yield


class HttpServer:
    """:param where: a unix socket to make, to which :class:`~flyte_sandbox.web.front.Front` connects; or a
        socket that listens already.
    :param check: who is let in, when nobody has asked yet.
    :param grace_seconds: how long a client may take over a request, see :mod:`flyte_sandbox.web.protocol`.
    """

    def __init__(
        self,
        app: ASGIApp,
        where: Path | socket.socket,
        check: PeerCheck | None = None,
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        self._where = where
        self._server = _Server(
            uvicorn.Config(
                app,
                # uvicorn calls it as it would call the class.
                http=cast(Any, functools.partial(Connection, check=check, grace_seconds=grace_seconds)),
                h11_max_incomplete_event_size=MAX_HEADER_BYTES,
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
        listener = _listen(self._where) if isinstance(self._where, Path) else self._where
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]))
        while not self._server.started and not self._task.done():  # noqa: ASYNC110 - uvicorn sets a flag, no event
            await asyncio.sleep(_STARTUP_LOOK_SECONDS)
        if self._task.done():
            await self._task

    async def stop(self) -> None:
        """Lets requests end for a second."""
        if self._task is not None:
            self._server.should_exit = True
            await self._task
            if isinstance(self._where, Path):
                self._where.unlink(missing_ok=True)


def _listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    return listener
