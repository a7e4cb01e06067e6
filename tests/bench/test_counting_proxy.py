"""What comes through the proxy arrives unchanged, and is counted."""

from __future__ import annotations

import http.client
import http.server
import threading
from collections.abc import Iterator

import pytest

from .counting_proxy import CountingProxy

_CONTENT = bytes(range(256)) * 4096


@pytest.fixture
def origin() -> Iterator[int]:
    """The port of a server that answers everything with the same bytes."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(_CONTENT)))
        self.end_headers()
        self.wfile.write(_CONTENT)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def test_a_tunnel_is_counted(origin: int) -> None:
    with CountingProxy().running() as proxy:
        connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10)
        connection.set_tunnel("127.0.0.1", origin)
        _check(proxy, connection, "/")


def test_a_plain_request_is_counted(origin: int) -> None:
    with CountingProxy().running() as proxy:
        connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10)
        _check(proxy, connection, f"http://127.0.0.1:{origin}/")


def _check(proxy: CountingProxy, connection: http.client.HTTPConnection, address: str) -> None:
    connection.request("GET", address)
    assert connection.getresponse().read() == _CONTENT
    connection.close()
    assert len(_CONTENT) < proxy.received_bytes < len(_CONTENT) + 1000
