"""Where tokens come from, one function per ``auth_mode``. Each blocks; callers have a thread for it.

OAuth itself is Authlib's (over requests, which Airflow brings): it is the one maintained client library that
does nothing but OAuth, and the alternatives (google-auth, msal) belong to one identity provider each. It is
an extra, because a Flyte without authentication, and one that takes a token from a command, need none.
"""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from typing import Any

from flyte_provider._airflow import AirflowOptionalProviderFeatureException
from flyte_provider._client import tls
from flyte_provider._client.auth.discovery import AuthMetadata
from flyte_provider.connection import FlyteConnection
from flyte_provider.exceptions import (
    FlyteAuthenticationError,
    FlyteConfigurationError,
    FlyteServerError,
)

COMMAND_SECONDS = 60.0
# A token is replaced this long before it ends, so that none ends on its way.
LEEWAY_SECONDS = 60.0


@dataclass(frozen=True)
class Token:
    """:param expires_at: seconds since 1970; None when only the server knows
    :param header: the metadata key, where the source knows better than the server
    """

    value: str
    expires_at: float | None = None
    header: str = ""

    def __repr__(self) -> str:
        return f"Token(expires_at={self.expires_at})"

    def is_fresh(self) -> bool:
        return self.expires_at is None or time.time() < self.expires_at


def fetch_token(connection: FlyteConnection, metadata: AuthMetadata) -> Token:
    """Return a new token.

    :raises FlyteAuthenticationError: when whoever gives tokens refuses
    :raises FlyteServerError: UNAVAILABLE when it does not answer
    :raises FlyteConfigurationError: when it cannot be asked
    """
    if connection.auth_mode == "token":
        return Token(connection.token)
    if connection.auth_mode == "external_command":
        return Token(run_command(connection, connection.command))
    if connection.auth_mode == "client_credentials":
        return _fetch_with_client_credentials(connection, metadata)
    from flyte_provider._flytekit_remote import fetch_token_interactively

    value, header = fetch_token_interactively(connection)
    return Token(value, header=header)


def run_command(connection: FlyteConnection, command: tuple[str, ...]) -> str:
    """Return what a command prints."""
    where = f"Flyte connection {connection.conn_id!r}: command {command[0]!r}"
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as exc:
        why = exc.strerror if isinstance(exc, OSError) else f"took longer than {COMMAND_SECONDS:g} s"
        raise FlyteConfigurationError(f"{where} cannot be run: {why}") from exc
    token = done.stdout.strip()
    if done.returncode != 0 or not token:
        last = done.stderr.strip().splitlines()[-1:]
        problem = f"exited with {done.returncode}" if done.returncode else "printed no token"
        message = f"{where} {problem}{': ' + last[0][:200] if last else ''}"
        raise FlyteAuthenticationError(message, code="UNAUTHENTICATED")
    return token


def _fetch_with_client_credentials(connection: FlyteConnection, metadata: AuthMetadata) -> Token:
    if not metadata.token_endpoint:
        raise FlyteConfigurationError(
            f"Flyte connection {connection.conn_id!r}: client credentials need an OAuth server, and Flyte at "
            f"{connection.endpoint} names none"
        )
    began = time.time()
    answer = _ask_token_endpoint(connection, metadata)
    lifetime = float(answer.get("expires_in") or 0)
    # A token that lives shorter than the leeway is used for half its life.
    usable = max(lifetime - LEEWAY_SECONDS, lifetime / 2)
    return Token(str(answer["access_token"]), began + usable if lifetime else None)


def _ask_token_endpoint(connection: FlyteConnection, metadata: AuthMetadata) -> dict[str, Any]:
    try:
        from authlib.common.errors import AuthlibBaseError
        from requests import RequestException
    except ImportError as exc:
        raise AirflowOptionalProviderFeatureException(
            "client credentials need Authlib, which the extra airflow-provider-flyte[oauth] names; "
            "pip install 'authlib>=1.3,<2'"
        ) from exc
    where = f"OAuth server {metadata.token_endpoint} (connection {connection.conn_id!r})"
    audience = connection.audience or metadata.audience
    try:
        with _session(connection, metadata) as session:
            return dict(
                session.fetch_token(
                    metadata.token_endpoint,
                    grant_type="client_credentials",
                    timeout=connection.timeout_seconds,
                    # Said here, or a REQUESTS_CA_BUNDLE in the environment would be stronger.
                    verify=not connection.insecure_skip_verify,
                    **({"audience": audience} if audience else {}),
                )
            )
    except AuthlibBaseError as exc:
        message = f"{where} rejected client {connection.client_id!r}: {exc}"
        raise FlyteAuthenticationError(message, code="UNAUTHENTICATED", details=str(exc)) from exc
    except RequestException as exc:
        raise FlyteServerError(f"{where} does not answer: {exc}", code="UNAVAILABLE") from exc


def _session(connection: FlyteConnection, metadata: AuthMetadata) -> Any:
    from authlib.integrations.requests_client import OAuth2Session

    methods = metadata.auth_methods
    session = OAuth2Session(
        connection.client_id,
        connection.client_secret,
        scope=" ".join(connection.scopes or metadata.scopes) or None,
        token_endpoint_auth_method="client_secret_post"
        if methods and "client_secret_basic" not in methods and "client_secret_post" in methods
        else "client_secret_basic",
    )
    session.mount("https://", tls.https_adapter(connection))
    if connection.http_proxy_url:
        session.proxies = {"http": connection.http_proxy_url, "https": connection.http_proxy_url}
    return session
