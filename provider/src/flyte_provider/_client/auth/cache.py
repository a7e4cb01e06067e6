"""One token per connection and process: fetched when needed, replaced when old or refused. Thread-safe."""

from __future__ import annotations

import logging
import threading
from functools import lru_cache

from flyte_provider import _airflow_private
from flyte_provider._client.auth.discovery import AuthMetadata, read_metadata
from flyte_provider._client.auth.sources import Token, fetch_token, run_command
from flyte_provider.connection import FlyteConnection

log = logging.getLogger(__name__)

Headers = tuple[tuple[str, str], ...]
_PROXY_HEADER = "proxy-authorization"


class TokenCache:
    """Holds the headers that prove who we are.

    :param connection: says where tokens come from
    """

    def __init__(self, connection: FlyteConnection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._metadata: AuthMetadata | None = None
        self._token: Token | None = None
        self._headers: Headers | None = None

    def peek(self) -> Headers | None:
        """Return the headers if they are fresh, without waiting for anything."""
        headers, token = self._headers, self._token
        return headers if headers is not None and (token is None or token.is_fresh()) else None

    def get(self) -> Headers:
        """Return fresh headers, fetching a token first where there is none; other threads wait for it.

        :raises FlyteServerError: when no token is to be had
        """
        headers = self.peek()
        if headers is not None:
            return headers
        with self._lock:
            return self.peek() or self._fetch()

    def replace(self, refused: Headers) -> Headers:
        """Return other headers than those that Flyte refused."""
        with self._lock:
            if self._headers == refused:
                self._headers = self._token = None
            return self.peek() or self._fetch()

    def _fetch(self) -> Headers:
        connection = self._connection
        headers = self._fetch_own() if connection.auth_mode != "none" else ()
        if connection.proxy_command:
            token = run_command(connection, connection.proxy_command)
            headers = (*headers, (_PROXY_HEADER, f"Bearer {self._mask(token)}"))
        self._headers = headers
        return headers

    def _fetch_own(self) -> Headers:
        """Return the header for Flyte itself, as Flyte says how; none where it asks nobody who he is."""
        connection = self._connection
        metadata = self._metadata = self._metadata or read_metadata(connection)
        is_client = connection.auth_mode == "client_credentials"
        if is_client and connection.auth_is_auto and not metadata.token_endpoint:
            log.info("Flyte at %s names no OAuth server, so it gets no credentials", connection.endpoint)
            return ()
        token = self._token = fetch_token(connection, metadata)
        return ((token.header or metadata.header, f"Bearer {self._mask(token.value)}"),)

    @staticmethod
    def _mask(token: str) -> str:
        _airflow_private.mask_in_any_thread(token)
        return token


@lru_cache(maxsize=32)
def shared_tokens(connection: FlyteConnection) -> TokenCache | None:
    """Return this process's cache for a connection, None where Flyte asks nobody who he is."""
    if connection.auth_mode == "none" and not connection.proxy_command:
        return None
    return TokenCache(connection)
