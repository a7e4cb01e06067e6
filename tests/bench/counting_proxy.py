"""An HTTP proxy on this machine that counts what comes through it; what is encrypted stays so."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

_CHUNK_BYTES = 1 << 16
_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


class CountingProxy:
    """Knows CONNECT, and plain requests with an absolute address.

    :ivar received_bytes: what servers have sent, headers and encryption included.
    """

    def __init__(self) -> None:
        self.received_bytes = 0
        self.port = 0

    @property
    def variables(self) -> dict[str, str]:
        """What leads programs through it; loopback goes past it."""
        address = f"http://127.0.0.1:{self.port}"
        named = {spelt: address for name in _VARIABLES for spelt in (name, name.lower())}
        return {**named, "NO_PROXY": "localhost,127.0.0.1,::1", "no_proxy": "localhost,127.0.0.1,::1"}

    @contextmanager
    def running(self) -> Iterator[CountingProxy]:
        """On a thread of its own."""
        is_up = threading.Event()
        thread = threading.Thread(
            target=lambda: asyncio.run(self._main(is_up)), name="counting-proxy", daemon=True
        )
        thread.start()
        is_up.wait()
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._is_over.set)
            thread.join()

    async def _main(self, is_up: threading.Event) -> None:
        """Until it is over; connections that are still open are cut then."""
        self._loop, self._is_over = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        is_up.set()
        await self._is_over.wait()
        server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            upstream, upstream_writer = await self._connect(head, writer)
        except (OSError, asyncio.IncompleteReadError):
            writer.close()
            return
        await asyncio.gather(_pump(reader, upstream_writer), _pump(upstream, writer, self._count))

    async def _connect(
        self, head: bytes, writer: asyncio.StreamWriter
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        method, address, *_ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        url = urlsplit(f"//{address}" if method == "CONNECT" else address)
        found = await asyncio.open_connection(url.hostname, url.port or 80)
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            found[1].write(_one_request_only(head, url.netloc))
        return found

    def _count(self, data: bytes) -> None:
        self.received_bytes += len(data)


def _one_request_only(head: bytes, netloc: str) -> bytes:
    """In the form for servers; the next request on this connection might be for another one."""
    line, _, rest = head.partition(b"\r\n")
    kept = [
        each
        for each in rest.split(b"\r\n")
        if each and not each.lower().startswith((b"connection:", b"proxy-"))
    ]
    line = line.replace(b"http://" + netloc.encode("latin-1"), b"", 1)
    return b"\r\n".join([line, *kept, b"Connection: close", b"", b""])


async def _pump(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    count: Callable[[bytes], None] = lambda _: None,
) -> None:
    try:
        while data := await reader.read(_CHUNK_BYTES):
            count(data)
            writer.write(data)
            await writer.drain()
    except OSError:
        return  # one side has gone; closing the other tells it
    finally:
        writer.close()
