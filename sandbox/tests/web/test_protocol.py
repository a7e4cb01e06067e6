"""Who says too much, too slowly or nothing loses the connection, and nobody else does."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from flyte_sandbox.config import SandboxConfig
from flyte_sandbox.web.front import Front
from flyte_sandbox.web.peers import PeerCheck
from flyte_sandbox.web.protocol import MAX_HEADER_BYTES
from flyte_sandbox.web.runtime import make_runtime
from flyte_sandbox.web.server import HttpServer

GRACE_SECONDS = 0.2


class Echo:
    """Answers with the body, once it has all of it; ``/think`` takes its time first."""

    def __init__(self) -> None:
        self.broken_off = asyncio.Event()
        self.think_on = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            body = await request.body()
        except ClientDisconnect:
            self.broken_off.set()
            return
        if scope["path"] == "/think":
            await self.think_on.wait()
        await PlainTextResponse(body)(scope, receive, send)


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
async def port(echo: Echo) -> AsyncIterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = HttpServer(echo, listener, grace_seconds=GRACE_SECONDS)
    await server.start()
    yield listener.getsockname()[1]
    await server.stop()


@contextlib.asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def read_all(reader: asyncio.StreamReader) -> bytes:
    with contextlib.suppress(ConnectionResetError):
        return await asyncio.wait_for(reader.read(), 10)
    return b""


async def take_time(seconds: float) -> None:
    """A slow client: the rules are about time, and there is nothing else to wait for."""
    await asyncio.sleep(seconds)


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"GET / HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Header: ",
        b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab",
        b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\n",
    ],
)
async def test_who_never_finishes_is_hung_up_on(port: int, first: bytes) -> None:
    async with connected(port) as (reader, writer):
        writer.write(first)
        answer = await read_all(reader)
        assert answer.startswith(b"HTTP/1.1 200") == first.endswith(b"\r\n\r\nGET / HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "first", [b"GET / HTTP/1.1\r\nX: ", b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n"]
)
async def test_a_drop_now_and_then_does_not_help(port: int, first: bytes) -> None:
    async with connected(port) as (reader, writer):
        writer.write(first)

        async def drip() -> None:
            with contextlib.suppress(ConnectionError):
                while True:
                    writer.write(b"x")
                    await writer.drain()
                    await take_time(GRACE_SECONDS / 10)

        dripping = asyncio.create_task(drip())
        assert await read_all(reader) == b""
        dripping.cancel()


async def test_a_body_that_breaks_off_reaches_nobody(port: int, echo: Echo) -> None:
    async with connected(port) as (_, writer):
        writer.write(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab")
        await asyncio.wait_for(echo.broken_off.wait(), 10)


async def test_the_server_may_take_its_time(port: int, echo: Echo) -> None:
    """... over an answer, and a client between two requests."""
    async with connected(port) as (reader, writer):
        for _ in range(2):
            echo.think_on.clear()
            writer.write(b"PUT /think HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab")
            asyncio.get_running_loop().call_later(2 * GRACE_SECONDS, echo.think_on.set)
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
            assert head.startswith(b"HTTP/1.1 200")
            assert await reader.readexactly(2) == b"ab"
            await take_time(2 * GRACE_SECONDS)


async def test_a_large_body_may_take_longer_than_the_grace(port: int) -> None:
    async with connected(port) as (reader, writer):
        writer.write(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 4096\r\n\r\n")
        for _ in range(4):
            writer.write(b"x" * 1024)
            await take_time(GRACE_SECONDS / 2)
        assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * (MAX_HEADER_BYTES + 1),
        b"GET /" + b"x" * (MAX_HEADER_BYTES + 1),
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * (MAX_HEADER_BYTES // 6 + 1),
        b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nnothing\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "GET /ü HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
async def test_too_much_or_no_http_is_a_bad_request(port: int, request_: bytes) -> None:
    async with connected(port) as (reader, writer):
        writer.write(request_)
        answer = await read_all(reader)
        assert answer.partition(b"\r\n")[0] in (
            b"HTTP/1.1 400 Bad Request",
            b"HTTP/1.1 501 Not Implemented",
            b"",
        )
        assert b"Traceback" not in answer


async def _probed(tmp_path: Path, probe: Callable[[int], None], **settings: Any) -> None:
    runtime = make_runtime(tmp_path)
    front = Front(SandboxConfig(state=tmp_path, port=0))
    port = front.bind()
    probe(port)  # is over before the server has looked at it
    await front.start(runtime.grpc_socket, runtime.http_socket)
    async with connected(port) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\n")
        await read_all(reader)  # nothing answers behind it; but connections are taken in turn
    await front.stop()
    runtime.remove()


def _hang_up(port: int) -> None:
    socket.create_connection(("127.0.0.1", port)).close()


def _reset(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


@pytest.mark.parametrize("probe", [_hang_up, _reset])
async def test_a_probe_that_hangs_up_at_once_is_not_called_another_user(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, probe: Callable[[int], None]
) -> None:
    with caplog.at_level(logging.WARNING):
        await _probed(tmp_path, probe)
    assert "another user" not in caplog.text


async def test_a_connection_of_another_user_is_closed_unread_and_logged(
    echo: Echo, caplog: pytest.LogCaptureFixture
) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    server = HttpServer(echo, listener, PeerCheck(frozenset({65534})))  # we are the foreigners here
    await server.start()
    with caplog.at_level(logging.WARNING):
        async with connected(listener.getsockname()[1]) as (reader, writer):
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert await read_all(reader) == b""
        assert "another user" in caplog.text
    await server.stop()
