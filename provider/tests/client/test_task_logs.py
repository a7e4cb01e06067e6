"""The end of a log is read from a server that gives text, quickly, and never with an exception."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from flyte_provider._client import task_logs
from flyte_provider._client.task_logs import LINES, read_tail
from flyte_provider.connection import FlyteConnection

from ..fakes.certificates import Certificate

CONNECTION = FlyteConnection("c", "h:443")


class FakeLogs:
    """Serves ``body`` as ``content_type``, and where it never ``ends`` keeps the reader waiting for more."""

    def __init__(self) -> None:
        self.body = b""
        self.content_type = "text/plain; charset=utf-8"
        self.status = 200
        self.ends = True
        self.release = threading.Event()
        self.asked: list[str] = []
        self.url = ""


def serve(logs: FakeLogs, certificate: Certificate | None = None) -> Iterator[FakeLogs]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            logs.asked.append(self.path)
            self.send_response(logs.status)
            self.send_header("Content-Type", logs.content_type)
            self.end_headers()
            self.wfile.write(logs.body)
            self.wfile.flush()
            if not logs.ends:
                logs.release.wait(30)

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate is not None:
        server.socket = certificate.server_context().wrap_socket(server.socket, server_side=True)
    host = "http://127.0.0.1" if certificate is None else "https://localhost"
    logs.url = f"{host}:{server.server_address[1]}/log"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield logs
    logs.release.set()
    server.shutdown()
    server.server_close()
    thread.join(10)


@pytest.fixture
def logs() -> Iterator[FakeLogs]:
    yield from serve(FakeLogs())


def test_the_last_lines_are_read(logs: FakeLogs) -> None:
    logs.body = b"\n".join(b"line %d\r" % index for index in range(200)) + b"\n"
    assert read_tail(logs.url, CONNECTION) == [f"line {index}" for index in range(200 - LINES, 200)]
    assert logs.asked == ["/log?raw=1"]


def test_a_last_line_without_an_end_counts(logs: FakeLogs) -> None:
    logs.body = b"first\n\xff last"
    assert read_tail(f"{logs.url}?x=1", CONNECTION) == ["first", "� last"]
    assert logs.asked == ["/log?x=1&raw=1"]


def test_a_long_line_is_cut(logs: FakeLogs) -> None:
    logs.body = b"x" * 5000
    assert read_tail(logs.url, CONNECTION) == ["x" * 1000]


@pytest.mark.parametrize(("status", "content_type"), [(200, "text/html"), (404, "text/plain")])
def test_a_page_for_humans_is_not_shown(logs: FakeLogs, status: int, content_type: str) -> None:
    logs.body, logs.status, logs.content_type = b"<html>", status, content_type
    assert read_tail(logs.url, CONNECTION) == []


def test_a_log_without_an_end_costs_limited_time(logs: FakeLogs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_logs, "MOST_SECONDS", 0.5)
    logs.body, logs.ends = b"one\ntwo\n", False
    assert read_tail(logs.url, CONNECTION) == ["one", "two"]


def test_a_huge_log_is_read_up_to_a_size(logs: FakeLogs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_logs, "MOST_BYTES", 1000)
    logs.body = b"line\n" * 100_000
    assert 0 < len(read_tail(logs.url, CONNECTION)) <= LINES + 1


@pytest.mark.parametrize(
    "uri", ["s3://bucket/log", "file:///etc/passwd", "http://127.0.0.1:9/", "", "http://[/"]
)
def test_what_cannot_be_read_is_left_out(uri: str) -> None:
    assert read_tail(uri, CONNECTION) == []


def test_the_connections_authority_is_trusted(tmp_path: Path) -> None:
    certificate = Certificate(tmp_path)
    for logs in serve(FakeLogs(), certificate):
        logs.body = b"secret\n"
        trusting = FlyteConnection("c", "h:443", ca_cert_file_path=str(certificate.path))
        assert read_tail(logs.url, trusting) == ["secret"]
        assert read_tail(logs.url, CONNECTION) == []
