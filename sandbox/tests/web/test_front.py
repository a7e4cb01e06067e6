"""One port for two protocols: what goes in comes out at the right server, both ways, and nothing stays."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import cast

import grpc
import pytest
import uvloop
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from flyte_sandbox.config import SandboxConfig
from flyte_sandbox.errors import StartupError
from flyte_sandbox.web.front import PREFACE, Front
from flyte_sandbox.web.runtime import Runtime, make_runtime

from ..waiting import eventually_in_loop

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return make_runtime(tmp_path)


class Inner:
    """A server on a unix socket that waits for its handlers to end."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._tasks: set[asyncio.Task[None]] = set()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.add(cast("asyncio.Task[None]", asyncio.current_task()))
        with contextlib.suppress(ConnectionError):
            await self._handler(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    async def start(self, path: Path) -> None:
        self._server = await asyncio.start_unix_server(self._handle, path)

    async def stop(self) -> None:
        self._server.close()
        await asyncio.gather(*self._tasks)


@contextlib.asynccontextmanager
async def listening(
    runtime: Runtime, http: Handler | None = None, grpc_: Handler | None = None, seconds: float = 10
) -> AsyncIterator[Front]:
    front = Front(SandboxConfig(state=runtime.folder, port=0), first_bytes_seconds=seconds)
    inner = []
    for handler, path in ((http, runtime.http_socket), (grpc_, runtime.grpc_socket)):
        if handler:
            inner.append(Inner(handler))
            await inner[-1].start(path)
    await front.start(runtime.grpc_socket, runtime.http_socket)
    try:
        yield front
    finally:
        await front.stop()
        for server in inner:
            await asyncio.wait_for(server.stop(), 10)


async def connect(front: Front) -> Streams:
    return await asyncio.open_connection("127.0.0.1", front.bind())


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


def says(text: bytes) -> Handler:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(text)
        await reader.read()

    return answer


async def test_the_first_bytes_choose_the_server(runtime: Runtime) -> None:
    async with listening(runtime, says(b"http"), says(b"grpc")) as front:
        for first, name in ((b"GET / HTTP/1.1\r\n", b"http"), (PREFACE, b"grpc"), (b"PRIX", b"http")):
            reader, writer = await connect(front)
            writer.write(first)
            assert await reader.readexactly(4) == name
            writer.close()


async def test_first_bytes_that_come_one_by_one_choose_too(runtime: Runtime) -> None:
    async with listening(runtime, says(b"http"), echo) as front:
        reader, writer = await connect(front)
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in PREFACE:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)
        assert await reader.readexactly(len(PREFACE)) == PREFACE
        writer.close()


async def test_each_direction_closes_on_its_own(runtime: Runtime) -> None:
    async def answer_after_eof(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.read()
        writer.write(b"got %d" % len(asked))

    async with listening(runtime, answer_after_eof) as front:
        reader, writer = await connect(front)
        writer.write(b"GET /" + b"x" * 3_000_000)
        writer.write_eof()
        assert await reader.read() == b"got 3000005"
        writer.close()


async def test_a_server_that_closes_first_closes_the_client(runtime: Runtime) -> None:
    async def goodbye(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"x" * 5_000_000)

    async with listening(runtime, goodbye) as front:
        reader, writer = await connect(front)
        writer.write(b"GET /")
        assert len(await reader.read()) == 5_000_000
        writer.close()


async def test_a_client_that_does_not_read_holds_the_server_back(runtime: Runtime) -> None:
    sent, stuck = 0, asyncio.Event()

    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        for _i in range(64):
            writer.write(b"x" * (1 << 20))
            try:
                await asyncio.wait_for(writer.drain(), 0.5)
            except TimeoutError:
                stuck.set()
                await writer.drain()
            sent += 1 << 20

    async with listening(runtime, flood) as front:
        reader, writer = await connect(front)
        writer.write(b"GET /")
        await asyncio.wait_for(stuck.wait(), 20)
        assert sent < 32 << 20
        assert len(await reader.read()) == 64 << 20
        writer.close()


async def test_whoever_says_nothing_is_hung_up_on(runtime: Runtime) -> None:
    async with listening(runtime, echo, echo, seconds=0.05) as front:
        for first in (b"", b"PRI * HT"):
            reader, writer = await connect(front)
            writer.write(first)
            with contextlib.suppress(ConnectionResetError):
                assert await asyncio.wait_for(reader.read(), 10) == b""
            writer.close()


async def test_with_nothing_behind_it_the_connection_is_closed(runtime: Runtime) -> None:
    async with listening(runtime) as front:
        reader, writer = await connect(front)
        writer.write(b"GET /")
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()


def _open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_stopping_leaves_no_connection_and_no_file(runtime: Runtime) -> None:
    before = _open_files()
    clients = []
    async with listening(runtime, echo, echo) as front:
        for first in (b"GET /", PREFACE, b"P") * 5:
            reader, writer = await connect(front)
            writer.write(first)
            if first != b"P":
                await reader.readexactly(len(first))
            clients.append((reader, writer))
        assert front.connections == 15
    for reader, writer in clients:
        with contextlib.suppress(ConnectionResetError):
            await asyncio.wait_for(reader.read(), 10)
        writer.close()
        with contextlib.suppress(ConnectionResetError):
            await writer.wait_closed()
    assert front.connections == 0
    await eventually_in_loop(lambda: _open_files() <= before)


async def test_a_client_that_leaves_is_forgotten(runtime: Runtime) -> None:
    gone = asyncio.Event()

    async def wait_for_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"!")
        await reader.read()
        gone.set()

    async with listening(runtime, wait_for_end) as front:
        reader, writer = await connect(front)
        writer.write(b"GET /")
        await reader.readexactly(1)
        writer.close()
        await asyncio.wait_for(gone.wait(), 10)
        await eventually_in_loop(lambda: front.connections == 0)


def test_a_port_in_use_stops_the_start_and_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(StartupError, match=f"127.0.0.1:{port}"):
            Front(SandboxConfig(state=tmp_path, port=port)).bind()


async def _check_health(port: int) -> int:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=20)
        return int(answer.status)


async def _serve_both(runtime: Runtime) -> None:
    server = grpc.aio.server()
    servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    await servicer.set("", health_pb2.HealthCheckResponse.SERVING)
    server.add_insecure_port(f"unix:{runtime.grpc_socket}")
    await server.start()
    async with listening(runtime, echo) as front:
        reader, writer = await connect(front)
        writer.write(b"GET / HTTP/1.1\r\n")
        assert await reader.readline() == b"GET / HTTP/1.1\r\n"
        assert await _check_health(front.bind()) == health_pb2.HealthCheckResponse.SERVING
        writer.close()
    await server.stop(None)


async def test_grpc_and_http_answer_on_one_port(runtime: Runtime) -> None:
    await _serve_both(runtime)


def test_the_splice_works_on_uvloop_too(runtime: Runtime) -> None:
    async def everything() -> None:
        await _serve_both(runtime)
        await test_a_client_that_does_not_read_holds_the_server_back(make_runtime(runtime.folder))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(everything())
