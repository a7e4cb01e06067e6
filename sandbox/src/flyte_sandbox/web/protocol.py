"""One HTTP/1.1 connection: uvicorn's, with limits of ours on who may talk, and on how slowly.

h11 parses wherever this runs, also where a faster parser is installed: what is tested is what serves.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from flyte_sandbox.web.peers import PeerCheck, admits

logger = logging.getLogger(__name__)

GRACE_SECONDS = 30.0
"""How long a client may take to begin a request, and to say what it says at less than the rate below."""

SLOWEST_BYTES_PER_SECOND = 1024
MAX_HEADER_BYTES = 64 * 1024

_TO_COME = (h11.IDLE, h11.SEND_BODY)
"""What h11 says of a client from whom more of a request is awaited."""


class Connection(H11Protocol):
    """:param check: who is let in, when nobody has asked yet.

    :param grace_seconds: see :data:`GRACE_SECONDS`.
    """

    def __init__(
        self, *args: Any, check: PeerCheck | None, grace_seconds: float = GRACE_SECONDS, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._check = check
        self._grace_seconds = grace_seconds
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if admits(self._check, transport):
            self._await()
        else:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._timer is None:
            self._await()
        self._received += len(data)
        super().data_received(data)
        if self.conn.their_state not in _TO_COME:
            self._stop_waiting()

    def send_400_response(self, msg: str) -> None:
        """Also in the middle of an answer, where there is nothing left to say but goodbye."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.abort()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        # The next request may have begun already, sent ahead.
        has_begun = self.conn.their_state in _TO_COME and bool(self.conn.trailing_data[0])
        if has_begun and self._timer is None and not self.transport.is_closing():
            self._await()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _await(self) -> None:
        self._since, self._received = self.loop.time(), 0
        self._timer = self.loop.call_later(self._grace_seconds, self._look)

    def _look(self) -> None:
        """Nobody has to be fast, but a request that comes drop by drop would hold its place for ever."""
        if self.flow.read_paused:  # it is we who do not read
            self._await()
            return
        deadline = self._since + self._grace_seconds + self._received / SLOWEST_BYTES_PER_SECOND
        if self.loop.time() < deadline:
            self._timer = self.loop.call_at(deadline, self._look)
            return
        logger.info("closed a connection that took too long to say %d bytes", self._received)
        self.transport.abort()

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
