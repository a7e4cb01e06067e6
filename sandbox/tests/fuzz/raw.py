"""One HTTP request, byte for byte as given, over a connection of its own."""

from __future__ import annotations

import http.client
import socket
from dataclasses import dataclass

_SECONDS = 20.0


@dataclass(frozen=True)
class Answer:
    """:param status: 0 when the server hung up without one."""

    status: int
    headers: dict[str, str]
    body: bytes


def send(port: int, request: bytes, is_head: bool = False) -> Answer:
    """:raises TimeoutError: when no whole answer comes in time."""
    with socket.create_connection(("127.0.0.1", port), timeout=_SECONDS) as connection:
        try:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
        except OSError:  # it has heard enough; what it answers may still be read
            pass
        return _read(connection, is_head)


def _read(connection: socket.socket, is_head: bool) -> Answer:
    response = http.client.HTTPResponse(connection, method="HEAD" if is_head else "GET")
    try:
        response.begin()
        body = response.read()
    except (http.client.RemoteDisconnected, ConnectionError):
        return Answer(0, {}, b"")
    finally:
        response.close()
    return Answer(response.status, {key.lower(): value for key, value in response.getheaders()}, body)


def compose(verb: str, target: bytes, headers: list[tuple[bytes, bytes]], body: bytes) -> bytes:
    lines = [b"%s %s HTTP/1.1" % (verb.encode(), target), *(b"%s: %s" % pair for pair in headers)]
    return b"\r\n".join([*lines, b"Connection: close", b"", body])
