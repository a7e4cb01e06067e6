"""gRPC channels to flyteadmin: options, TLS, and the one asynchronous channel that a triggerer shares.

Which RPCs go over a channel is in :mod:`.admin` and :mod:`.aio`.
"""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import grpc
import grpc.aio

from flyte_provider.connection import FlyteConnection
from flyte_provider.exceptions import FlyteConfigurationError

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


def _options(connection: FlyteConnection) -> list[tuple[str, Any]]:
    options = list(_BASE_OPTIONS)
    if connection.authority:
        options.append(("grpc.default_authority", connection.authority))
        if not connection.insecure:
            options.append(("grpc.ssl_target_name_override", connection.authority))
    return options


def _root_certificates(connection: FlyteConnection) -> bytes:
    """Return the authorities to trust, as PEM.

    gRPC would take a list bundled with its wheel; a company's own authority is in the system's.
    """
    if connection.ca_cert_file_path:
        return _read_ca_file(connection)
    context = ssl.create_default_context()
    authorities = [ssl.DER_cert_to_PEM_cert(der) for der in context.get_ca_certs(binary_form=True)]
    cafile = ssl.get_default_verify_paths().cafile
    if not authorities and cafile:
        return Path(cafile).read_bytes()
    return "".join(authorities).encode()


def _read_ca_file(connection: FlyteConnection) -> bytes:
    try:
        return Path(connection.ca_cert_file_path).read_bytes()
    except OSError as exc:
        raise FlyteConfigurationError(
            f"Flyte connection {connection.conn_id!r}: ca_cert_file_path "
            f"{connection.ca_cert_file_path!r} cannot be read: {exc.strerror}"
        ) from exc


def _credentials(connection: FlyteConnection) -> grpc.ChannelCredentials:
    # An empty list means gRPC's bundled one: better than trusting nobody where the system has none.
    return grpc.ssl_channel_credentials(root_certificates=_root_certificates(connection) or None)


def open_channel(connection: FlyteConnection) -> grpc.Channel:
    """Return a new blocking channel; connecting happens with the first call."""
    if connection.insecure:
        return grpc.insecure_channel(connection.endpoint, options=_options(connection))
    return grpc.secure_channel(connection.endpoint, _credentials(connection), options=_options(connection))


_shared: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[FlyteConnection, grpc.aio.Channel]] = (
    WeakKeyDictionary()
)


def shared_aio_channel(connection: FlyteConnection) -> grpc.aio.Channel:
    """Return the running loop's one channel for this connection; all triggers of a process share it.

    It lives as long as its loop. A changed connection has its own channel.
    """
    channels = _shared.setdefault(asyncio.get_running_loop(), {})
    if connection not in channels:
        channels[connection] = _open_aio_channel(connection)
    return channels[connection]


def _open_aio_channel(connection: FlyteConnection) -> grpc.aio.Channel:
    if connection.insecure:
        return grpc.aio.insecure_channel(connection.endpoint, options=_options(connection))
    credentials = _credentials(connection)
    return grpc.aio.secure_channel(connection.endpoint, credentials, options=_options(connection))


async def close_shared_channels() -> None:
    """Close the running loop's channels; for tests and for embedding."""
    for channel in _shared.pop(asyncio.get_running_loop(), {}).values():
        await channel.close(grace=None)
