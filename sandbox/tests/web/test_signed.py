"""Signed links over a real socket: whole objects or none, ranges, digests, names with everything in them."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from flyte_sandbox.blobs.signing import Signer
from flyte_sandbox.blobs.store import Store
from flyte_sandbox.clock import ManualClock
from flyte_sandbox.config import SandboxConfig
from flyte_sandbox.web.app import create_app
from flyte_sandbox.web.front import Front
from flyte_sandbox.web.runtime import make_runtime
from flyte_sandbox.web.server import HttpServer

from ..waiting import eventually_in_loop

KEY = "my-s3-bucket/flytesnacks/development/ABCXKL5ZZWXY3PDLM3OONUHHME======/fast ü%41+&?#.tar.gz"
URI = f"s3://{KEY}"
DATA = bytes(range(256)) * 20_000


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


class Served:
    """The app behind its front, and links to it."""

    def __init__(self, port: int, client: httpx.AsyncClient, signer: Signer, clock: ManualClock) -> None:
        self.port = port
        self.client = client
        self._signer = signer
        self._clock = clock

    def link(self, method: str, key: str = KEY, md5: bytes = b"") -> str:
        query = self._signer.sign(method, f"/signed/{key}", self._clock.now() + timedelta(hours=1), md5)
        return f"http://localhost:{self.port}/signed/{quote(key, safe='/=')}?{query}"


@pytest.fixture
async def served(
    tmp_path: Path, call: Any, store: Store, signer: Signer, logs: Any, clock: ManualClock
) -> AsyncIterator[Served]:
    config, runtime = SandboxConfig(state=tmp_path, port=0), make_runtime(tmp_path)
    front = Front(config)
    port = front.bind()
    server = HttpServer(create_app(config, call, store, signer, logs, port), runtime.http_socket)
    await server.start()
    await front.start(runtime.grpc_socket, runtime.http_socket)
    async with httpx.AsyncClient(trust_env=False) as client:
        yield Served(port, client, signer, clock)
    await server.stop()
    await front.stop()


async def test_what_is_put_is_there_and_comes_back(served: Served, store: Store) -> None:
    headers = {"content-md5": base64.b64encode(_md5(DATA)).decode(), "x-amz-meta-flyteContentMD5": "x"}
    answer = await served.client.put(served.link("PUT"), content=DATA, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["etag"] == f'"{_md5(DATA).hex()}"'
    assert store.read(URI) == DATA
    answer = await served.client.get(served.link("GET"))
    assert answer.content == DATA
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-length"] == str(len(DATA))


async def test_putting_the_same_again_is_fine(served: Served, store: Store) -> None:
    for _ in range(2):
        assert (await served.client.put(served.link("PUT"), content=DATA)).status_code == 200
    assert store.read(URI) == DATA


@pytest.mark.parametrize("md5", [base64.b64encode(_md5(b"other")).decode(), "AAAA", "no base64 !"])
async def test_a_wrong_digest_leaves_nothing(served: Served, store: Store, md5: str) -> None:
    answer = await served.client.put(served.link("PUT"), content=DATA, headers={"content-md5": md5})
    assert answer.status_code == 400
    assert not store.exists(URI)


async def test_the_digest_in_a_link_binds_the_upload(served: Served, store: Store) -> None:
    link = served.link("PUT", md5=_md5(DATA))
    assert (await served.client.put(link, content=b"other")).status_code == 400
    assert not store.exists(URI)
    assert (await served.client.put(link, content=DATA)).status_code == 200
    assert store.read(URI) == DATA


async def test_head_tells_the_size(served: Served, store: Store) -> None:
    store.write(URI, DATA)
    answer = await served.client.head(served.link("GET"))
    assert (answer.status_code, answer.headers["content-length"]) == (200, str(len(DATA)))
    assert answer.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=0-9", 206, DATA[:10]),
        ("bytes=5119990-", 206, DATA[5119990:]),
        ("bytes=-3", 206, DATA[-3:]),
        ("bytes=5119999-9999999", 206, DATA[-1:]),
        ("bytes=9999999-", 416, None),
    ],
)
async def test_a_part_can_be_asked_for(
    served: Served, store: Store, asked: str, status: int, part: bytes | None
) -> None:
    store.write(URI, DATA)
    answer = await served.client.get(served.link("GET"), headers={"range": asked})
    assert answer.status_code == status
    if part is not None:
        assert answer.content == part


async def test_a_link_is_good_for_nothing_else(served: Served, store: Store) -> None:
    store.write(URI, DATA)
    for method, link in (
        ("GET", served.link("PUT")),
        ("PUT", served.link("GET")),
        ("GET", served.link("GET").replace("fast", "slow")),
        ("GET", served.link("GET").partition("?")[0]),
    ):
        answer = await served.client.request(method, link)
        assert answer.status_code == 403
        assert answer.json()["code"] == 7


async def test_what_is_not_there_is_not_found(served: Served) -> None:
    assert (await served.client.get(served.link("GET"))).status_code == 404


@pytest.mark.parametrize("key", ["my-s3-bucket/../secret", "other/x", ".staging/x", "my-s3-bucket/a/./b"])
async def test_no_link_leads_out_of_the_buckets(served: Served, key: str) -> None:
    for method in ("GET", "PUT"):
        link = served.link(method, key).replace("..", "%2e%2e")
        answer = await served.client.request(
            method, httpx.URL(link), content=b"x" if method == "PUT" else None
        )
        assert answer.status_code in (400, 403)


async def test_an_upload_that_breaks_off_is_never_seen(served: Served, store: Store) -> None:
    path = served.link("PUT").partition(str(served.port))[2]
    _, writer = await asyncio.open_connection("127.0.0.1", served.port)
    head = f"PUT {path} HTTP/1.1\r\nHost: localhost:{served.port}\r\nContent-Length: 5000000\r\n\r\n"
    writer.write(head.encode() + DATA[:2_500_000])
    await writer.drain()
    staging = store.root / ".staging"
    await eventually_in_loop(lambda: any(path.stat().st_size for path in staging.iterdir()))
    assert not store.exists(URI)
    writer.close()
    await eventually_in_loop(lambda: not list(staging.iterdir()))
    assert not store.exists(URI)


async def test_a_deck_is_shown_without_our_origin(served: Served, store: Store) -> None:
    store.write("s3://my-s3-bucket/deck.html", b"<script>fetch('/api/v1/projects')</script>")
    answer = await served.client.get(served.link("GET", "my-s3-bucket/deck.html"))
    assert answer.headers["content-type"].startswith("text/html")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts")
    assert "allow-same-origin" not in policy
    assert "frame-ancestors 'self'" in policy
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"


async def test_an_upload_beyond_the_limit_is_refused(
    served: Served, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flyte_sandbox.web.signed.MAX_UPLOAD_BYTES", 100)

    async def body() -> AsyncIterator[bytes]:
        yield b"x" * 101

    assert (await served.client.put(served.link("PUT"), content=body())).status_code == 413
    assert (await served.client.put(served.link("PUT"), content=b"x" * 101)).status_code == 413
    assert not store.exists(URI)


async def test_expect_continue_is_answered(served: Served, store: Store) -> None:
    path = served.link("PUT").partition(str(served.port))[2]
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    head = f"PUT {path} HTTP/1.1\r\nHost: localhost:{served.port}\r\nContent-Length: 2\r\n"
    writer.write(f"{head}Expect: 100-continue\r\n\r\n".encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 100")
    await reader.readline()
    writer.write(b"ok")
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    assert store.read(URI) == b"ok"
    writer.close()


async def test_a_refused_body_ends_the_connection(served: Served) -> None:
    """Whoever asked first does not send it any more; the next request must not be taken for it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    path = "/signed/my-s3-bucket/x?expires=1&signature=x"
    head = f"PUT {path} HTTP/1.1\r\nHost: localhost:{served.port}\r\nContent-Length: 9\r\n"
    writer.write(f"{head}Expect: 100-continue\r\n\r\n".encode())
    answer = await asyncio.wait_for(reader.read(), 10)
    assert answer.startswith(b"HTTP/1.1 403")
    assert b"\r\nconnection: close\r\n" in answer.lower()
    writer.close()


async def test_a_name_of_two_hosts_is_refused(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    host = f"Host: localhost:{served.port}\r\n"
    writer.write(f"GET /healthcheck HTTP/1.1\r\n{host}Host: evil\r\nConnection: close\r\n\r\n".encode())
    status = int((await reader.readline()).split()[1])
    assert status in (400, 421)
    writer.close()


async def test_the_inner_socket_is_for_us_alone(served: Served, tmp_path: Path) -> None:
    (folder,) = tmp_path.glob("run-*")  # noqa: ASYNC240
    assert folder.stat().st_mode & 0o777 == 0o700
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(folder / "http.sock"))
