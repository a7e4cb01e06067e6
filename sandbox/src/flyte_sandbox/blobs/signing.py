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

    def sign(self, method: str, path: str, expires_at: datetime, content_md5: bytes = b"") -> str:
        """:param path: as the server will see it, percent-decoded.

        :param content_md5: what an upload has to hold, byte for byte; empty leaves it open.
        :return: the query string, without a question mark.
        """
        fields = {"expires": str(int(expires_at.timestamp())), "md5": content_md5.hex()}
        signature = self._signature(method, path, **fields)
        return urlencode({name: value for name, value in fields.items() if value} | {"signature": signature})

    def verify(self, method: str, path: str, query: str) -> bytes:
        """HEAD may do what GET may.

        :param path: percent-decoded.
        :return: the digest that an upload must have, empty when that was left open.
        :raises PermissionDenied: when it is not what was signed, or no longer.
        """
        fields = parse_qs(query)
        expires, md5, given = (fields.get(name, [""])[-1] for name in ("expires", "md5", "signature"))
        wanted = self._signature("GET" if method == "HEAD" else method, path, expires, md5)
        if not hmac.compare_digest(wanted.encode(), given.encode(errors="replace")):
            raise PermissionDenied(f"the signature does not fit {method} {path}; ask for a new link")
        if not int(expires) > self._clock.now().timestamp():
            raise PermissionDenied(f"the link to {path} has expired; ask for a new one")
        return bytes.fromhex(md5)

    def _signature(self, method: str, path: str, expires: str, md5: str) -> str:
        text = "\n".join((method, expires, md5, path))
        return hmac.new(self._secret, text.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()
