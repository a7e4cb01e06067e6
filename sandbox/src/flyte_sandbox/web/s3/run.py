"""Serves the buckets of a folder on a port of this machine: ``flyte-sandbox s3``."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

from flyte_sandbox.blobs.store import Store
from flyte_sandbox.clock import SystemClock
from flyte_sandbox.web.front import listen
from flyte_sandbox.web.peers import peer_check
from flyte_sandbox.web.s3.endpoint import Endpoint
from flyte_sandbox.web.security import HostGuard, host_names
from flyte_sandbox.web.server import HttpServer


class S3Server:
    """All methods belong to the event loop's thread.

    :param root: the folder whose sub-folders are the buckets.
    :param port: 0 picks a free one.
    :param allowed_hosts: further names under which it may be addressed.
    :param more_uids: users that are let in besides ours and root. The keys are known to everybody.
    """

    def __init__(
        self,
        root: Path,
        host: str,
        port: int,
        allowed_hosts: tuple[str, ...] = (),
        allow_other_users: bool = False,
        more_uids: frozenset[int] = frozenset(),
    ) -> None:
        self._endpoint = Endpoint(Store(root), SystemClock())
        self._address = host, port
        self._allowed_hosts = allowed_hosts
        self._check = peer_check(allow_other_users, more_uids)

    async def start(self) -> int:
        """:return: the port, on which requests are answered now.
        :raises StartupError: when it is taken."""
        listener = listen(*self._address, "s3_port")
        port: int = listener.getsockname()[1]
        app = HostGuard(self._endpoint, host_names(self._allowed_hosts, port))
        self._server = HttpServer(app, listener, self._check)
        await self._server.start()
        return port

    async def stop(self) -> None:
        """Lets requests end for a second."""
        await self._server.stop()


def run_s3(
    root: Path,
    host: str = "127.0.0.1",
    port: int = 30002,
    allowed_hosts: tuple[str, ...] = (),
    allow_other_users: bool = False,
    more_uids: frozenset[int] = frozenset(),
) -> None:
    """Serves until SIGTERM or SIGINT; parameters as for :class:`S3Server`.

    :raises StartupError: when the port is taken.
    """
    asyncio.run(_serve(S3Server(root, host, port, allowed_hosts, allow_other_users, more_uids)))


async def _serve(server: S3Server) -> None:
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await server.start()
    await stop.wait()
    await server.stop()
