"""gRPC channels to flyteadmin: options, and the one asynchronous channel that a triggerer shares.

Which RPCs go over a channel is in :mod:`.admin` and :mod:`.aio`, whom it trusts in :mod:`.tls`, who we are in
:mod:`.auth`.
"""

from __future__ import annotations

import asyncio
from typing import Any
from weakref import WeakKeyDictionary

import grpc
import grpc.aio

from flyte_provider._client.auth.cache import shared_tokens
from flyte_provider._client.auth.interceptors import AioAuthInterceptor, AuthInterceptor
from flyte_provider._client.tls import channel_credentials
from flyte_provider.connection import FlyteConnection

MAX_MESSAGE_BYTES = 64 * 1024 * 1024

_BASE_OPTIONS: list[tuple[str, Any]] = [
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    # flyteadmin puts details into trailers; flytekit allows the same 32 KiB.
    ("grpc.max_metadata_size", 32 * 1024),
    # gRPC's own back-off grows to two minutes, which would be noticed after Flyte is back.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 5_000),
    # A dead peer behind a load balancer sends no reset; without calls we stay quiet.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    # Our retries know what is idempotent; gRPC's do not.
    ("grpc.enable_retries", 0),
]


def _options(connection: FlyteConnection, certificate_name: str = "") -> list[tuple[str, Any]]:
    options = [*_BASE_OPTIONS, *connection.grpc_options]
    if connection.authority:
        options.append(("grpc.default_authority", connection.authority))
    if certificate_name:
        options.append(("grpc.ssl_target_name_override", certificate_name))
    return options


def open_plain_channel(connection: FlyteConnection) -> grpc.Channel:
    """Return a new blocking channel without a token; connecting happens with the first call."""
    if connection.insecure:
        return grpc.insecure_channel(connection.endpoint, options=_options(connection))
    credentials, name = channel_credentials(connection)
    return grpc.secure_channel(connection.endpoint, credentials, options=_options(connection, name))


def open_channel(connection: FlyteConnection) -> grpc.Channel:
    """Return a new blocking channel whose RPCs say who we are."""
    channel = open_plain_channel(connection)
    tokens = shared_tokens(connection)
    return channel if tokens is None else grpc.intercept_channel(channel, AuthInterceptor(tokens))


_shared: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[FlyteConnection, grpc.aio.Channel]] = (
    WeakKeyDictionary()
)


async def shared_aio_channel(connection: FlyteConnection) -> grpc.aio.Channel:
    """Return the running loop's one channel for this connection; all triggers of a process share it.

    It lives as long as its loop. A changed connection has its own channel.
    """
    channels = _shared.setdefault(asyncio.get_running_loop(), {})
    if connection not in channels:
        # Credentials come from files, or from the server: not in the loop's time.
        credentials, name = (
            (None, "") if connection.insecure else await asyncio.to_thread(channel_credentials, connection)
        )
        # Somebody else may have been quicker meanwhile.
        if connection not in channels:
            channels[connection] = _open_aio_channel(connection, credentials, name)
    return channels[connection]


def _open_aio_channel(
    connection: FlyteConnection, credentials: grpc.ChannelCredentials | None, certificate_name: str
) -> grpc.aio.Channel:
    tokens = shared_tokens(connection)
    interceptors = [] if tokens is None else [AioAuthInterceptor(tokens)]
    options = _options(connection, certificate_name)
    if credentials is None:
        return grpc.aio.insecure_channel(connection.endpoint, options=options, interceptors=interceptors)
    return grpc.aio.secure_channel(
        connection.endpoint, credentials, options=options, interceptors=interceptors
    )


async def close_shared_channels() -> None:
    """Close the running loop's channels; for tests and for embedding."""
    for channel in _shared.pop(asyncio.get_running_loop(), {}).values():
        await channel.close(grace=None)
