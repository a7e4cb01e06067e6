"""Lines of JSON between a template and the servers that are connected to it; never blocks."""

from __future__ import annotations

import json
import socket
from typing import Any

_CHUNK = 1 << 16


class Connection:
    """One server. A message is a JSON object on a line of its own.

    :ivar unsent: bytes that wait for the other end to read.
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.unsent = b""
        self._received = b""

    def receive(self) -> list[dict[str, Any]] | None:
        """:return: the messages that are whole now; None when the other end is gone."""
        try:
            chunk = self.sock.recv(_CHUNK)
        except (BlockingIOError, InterruptedError):
            return []
        except OSError:
            return None
        if not chunk:
            return None
        *lines, self._received = (self._received + chunk).split(b"\n")
        return [json.loads(line) for line in lines]

    def send(self, message: dict[str, Any]) -> None:
        self.unsent += json.dumps(message).encode() + b"\n"
        self.flush()

    def flush(self) -> None:
        """Send what the other end takes. That it is gone shows when receiving."""
        try:
            while self.unsent:
                self.unsent = self.unsent[self.sock.send(self.unsent) :]
        except OSError:
            pass

    def close(self) -> None:
        self.sock.close()
