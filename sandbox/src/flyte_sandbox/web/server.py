"""Runs the HTTP app on a unix socket inside the event loop of its caller."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from flyte_sandbox.web.peers import PeerCheck, addresses

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
    """

    def __init__(self, app: ASGIApp, where: Path | socket.socket, check: PeerCheck | None = None) -> None:
        self._where = where
        self._server = _Server(
            uvicorn.Config(
                app,
                http=_checking(check) if check else "auto",
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


def _checking(check: PeerCheck) -> type[asyncio.Protocol]:
    """uvicorn's protocol, which hangs up on connections of other users before anything is read."""

    class Checked(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            try:
                is_welcome = check.is_welcome(*addresses(transport.get_extra_info("socket")))
            except OSError:  # gone already
                is_welcome = False
            if not is_welcome:
                transport.abort()

    return Checked
