"""The end of a failing attempt's log, where its link can be read: little of it, quickly, or not at all."""

from __future__ import annotations

import logging
import time
import urllib.error
import urllib.request
from collections import deque
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from flyte_provider._client import tls
from flyte_provider.connection import FlyteConnection

log = logging.getLogger(__name__)

LINES = 50
MOST_SECONDS = 5.0
MOST_BYTES = 4 * 1024 * 1024
_LONGEST_LINE = 1000
_PIECE_BYTES = 64 * 1024


def read_tail(uri: str, connection: FlyteConnection) -> list[str]:
    """Return the last lines of a log, none where the link leads to something else than a plain text.

    Most links lead to pages for humans (Kibana, CloudWatch, Kubernetes dashboards); the embedded Flyte gives
    the text to whoever asks with ``raw``. No token is sent: who knows where a link leads.
    """
    try:
        parts = urlsplit(uri)
    except ValueError:
        return []
    if parts.scheme not in ("http", "https"):
        return []
    raw = urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, "raw=1")))))
    request = urllib.request.Request(raw, headers={"Accept": "text/plain"})  # noqa: S310 - http(s), see above
    context = tls.https_context(connection) if parts.scheme == "https" else None
    give_up_at = time.monotonic() + MOST_SECONDS
    try:
        with urllib.request.urlopen(request, timeout=MOST_SECONDS, context=context) as reply:  # noqa: S310
            if reply.headers.get_content_type() != "text/plain":
                return []
            return _last_lines(reply, give_up_at)
    except (urllib.error.URLError, HTTPException, OSError, ValueError) as exc:
        log.debug("log %s cannot be read: %s", uri, exc)
        return []


def _last_lines(reply: Any, give_up_at: float) -> list[str]:
    """Return the end of what arrives within time and size."""
    kept: deque[str] = deque(maxlen=LINES)
    rest, read = b"", 0
    while read < MOST_BYTES and time.monotonic() < give_up_at:
        try:
            piece = reply.read1(_PIECE_BYTES)
        except TimeoutError:
            break
        if not piece:
            break
        read += len(piece)
        *lines, rest = (rest + piece).split(b"\n")
        kept.extend(_text(line) for line in lines)
    if rest:
        kept.append(_text(rest))
    return list(kept)


def _text(line: bytes) -> str:
    return line.decode(errors="replace").rstrip("\r")[:_LONGEST_LINE]
