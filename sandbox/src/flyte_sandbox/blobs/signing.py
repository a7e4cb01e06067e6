"""Signed URLs: who holds one may use one method on one path for a while. Serving them is ``web``'s."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from urllib.parse import parse_qs, urlencode

from flyte_sandbox.clock import Clock
from flyte_sandbox.errors import PermissionDenied


class Signer:
    """Signs and checks with one secret; URLs stay good over restarts as long as the secret does.

    :param secret: at least 16 random bytes.
    """

    def __init__(self, secret: bytes, clock: Clock) -> None:
        if len(secret) < 16:
            raise ValueError("a signing secret needs at least 16 bytes")
        self._secret = secret
        self._clock = clock

    def sign(self, method: str, path: str, expires_at: datetime) -> str:
        """:param path: as the server will see it, percent-decoded.
        :return: the query string, without a question mark."""
        expires = int(expires_at.timestamp())
        return urlencode({"expires": expires, "signature": self._signature(method, path, str(expires))})

    def verify(self, method: str, path: str, query: str) -> None:
        """HEAD may do what GET may.

        :param path: percent-decoded.
        :raises PermissionDenied: when it is not what was signed, or no longer.
        """
        fields = parse_qs(query)
        expires, signature = (fields.get(name, [""])[-1] for name in ("expires", "signature"))
        wanted = self._signature("GET" if method == "HEAD" else method, path, expires)
        if not hmac.compare_digest(wanted.encode(), signature.encode()):
            raise PermissionDenied(f"the signature does not fit {method} {path}; ask for a new link")
        if not int(expires) > self._clock.now().timestamp():
            raise PermissionDenied(f"the link to {path} has expired; ask for a new one")

    def _signature(self, method: str, path: str, expires: str) -> str:
        text = "\n".join((method, expires, path))
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()
