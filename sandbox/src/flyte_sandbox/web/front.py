"""The one public port: looks at the first bytes of each connection and splices it to gRPC or to HTTP.

Both inner servers listen on unix sockets that only this user can reach. Nothing is parsed here beyond the
preface of HTTP/2; TLS, if any, ends elsewhere.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from pathlib import Path
from typing import cast

from flyte_sandbox.config import SandboxConfig
from flyte_sandbox.errors import StartupError
from flyte_sandbox.web.peers import PeerCheck, admits, peer_check

logger = logging.getLogger(__name__)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""Every gRPC connection starts with this; no HTTP/1.1 request does."""

_FIRST_BYTES_SECONDS = 30.0
_BACKLOG = 512
_HIGH_WATER_BYTES = 1 << 20


class Front:
    """:param more_uids: users that are let in besides ours and root.

    All methods belong to the event loop's thread.
    """

    def __init__(
        self,
        config: SandboxConfig,
        more_uids: frozenset[int] = frozenset(),
        first_bytes_seconds: float = _FIRST_BYTES_SECONDS,
    ) -> None:
        self._config = config
        self._check = peer_check(config.allow_other_users, more_uids)
        self._first_bytes_seconds = first_bytes_seconds
        self._socket: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._open: set[_Outer] = set()

    def bind(self) -> int:
        """Take the port before anything else is started; connections wait until :meth:`start`.

        :return: the port, which is another than the configured one only when that is 0.
        :raises StartupError: when it is taken.
        """
        if self._socket is None:
            self._socket = listen(self._config.host, self._config.port, "port")
        return cast(int, self._socket.getsockname()[1])

    async def start(self, grpc_target: Path, http_target: Path) -> int:
        """:param grpc_target: the unix socket of the gRPC server, ``http_target``: that of the HTTP server.

        :return: the port.
        """
        port, targets = self.bind(), (grpc_target, http_target)
        self._server = await asyncio.get_running_loop().create_server(
            lambda: _Outer(self._open, self._check, targets, self._first_bytes_seconds),
            sock=cast(socket.socket, self._socket),
            backlog=_BACKLOG,
        )
        return port

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._open)

    async def stop(self) -> None:
        """Close the port and every connection. Stop the inner servers first, so that their calls can end."""
        if self._server is not None:
            self._server.close()
        elif self._socket is not None:
            self._socket.close()
        for outer in list(self._open):
            outer.abort()
        if self._server is not None:
            await self._server.wait_closed()


class _End(asyncio.Protocol):
    """One end of a splice: what arrives here leaves at ``other``, which the outer end gets a little later."""

    transport: asyncio.Transport
    is_eof = False

    def __init__(self, other: _End | None) -> None:
        self.other = other

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(high=_HIGH_WATER_BYTES)

    def data_received(self, data: bytes) -> None:
        if self.other is not None:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        """:return: whether this end stays open for what the other one still has to say."""
        self.is_eof = True
        if self.other is None or self.other.transport.is_closing():
            return False
        self.other.transport.write_eof()
        return not self.other.is_eof

    def pause_writing(self) -> None:
        if self.other is not None and not self.other.transport.is_closing():
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and not self.other.transport.is_closing():
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other is None:
            return
        # close() still sends what is buffered; a broken connection breaks its other half too.
        end = self.other.transport.close if exc is None else self.other.transport.abort
        end()


class _Outer(_End):
    """A client's connection, from its first byte on."""

    def __init__(
        self, opened: set[_Outer], check: PeerCheck | None, targets: tuple[Path, Path], seconds: float
    ) -> None:
        super().__init__(None)
        self._opened = opened
        self._check = check
        self._targets = targets
        self._seconds = seconds
        self._first = b""
        self._connecting: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._opened.add(self)
        self._deadline = asyncio.get_running_loop().call_later(self._seconds, self.abort)
        if not admits(self._check, self.transport):
            self.abort()

    def data_received(self, data: bytes) -> None:
        if self.other is not None:
            super().data_received(data)
            return
        self._first += data
        is_grpc = _speaks_grpc(self._first)
        if is_grpc is not None and self._connecting is None and not self.transport.is_closing():
            self._deadline.cancel()
            self.transport.pause_reading()
            self._connecting = asyncio.ensure_future(self._connect(self._targets[0 if is_grpc else 1]))

    async def _connect(self, target: Path) -> None:
        loop = asyncio.get_running_loop()
        try:
            # The inner end knows us from the start, because gRPC's server speaks first.
            _, inner = await loop.create_unix_connection(lambda: _End(self), str(target))
        except OSError as exc:
            logger.warning("nothing answers behind %s: %s", target.name, exc)
            self.abort()
            return
        self._splice(inner)

    def _splice(self, inner: _End) -> None:
        if self.transport.is_closing():
            inner.transport.abort()
            return
        self.other = inner
        inner.transport.write(self._first)
        self._first = b""
        if self.is_eof:
            inner.transport.write_eof()
        self.transport.resume_reading()

    def eof_received(self) -> bool:
        # While the inner end is being connected there is somebody yet to hear of it.
        return super().eof_received() or (self.other is None and self._connecting is not None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._opened.discard(self)
        self._deadline.cancel()
        super().connection_lost(exc)

    def abort(self) -> None:
        self.transport.abort()


def _speaks_grpc(first: bytes) -> bool | None:
    """:return: None while it could still become either."""
    if first.startswith(PREFACE[:16]):
        return True
    return None if PREFACE.startswith(first) else False


def listen(host: str, port: int, setting: str) -> socket.socket:
    """:raises StartupError: when the port is taken; it names the setting."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as exc:
        listener.close()
        raise StartupError(
            f"cannot listen on {host}:{port}: {exc.strerror}; end what holds it, or set another {setting}"
        ) from exc
    listener.setblocking(False)
    return listener
