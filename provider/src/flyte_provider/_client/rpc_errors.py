"""From gRPC errors to this provider's: the one place that reads a status code."""

from __future__ import annotations

from collections.abc import Callable

import grpc

from flyte_provider.connection import FlyteConnection
from flyte_provider.exceptions import (
    FlyteAuthenticationError,
    FlyteEntityNotFoundError,
    FlyteServerError,
)

#: The code of what asking again would not make smaller.
TOO_LARGE = "OUT_OF_RANGE"


def translate(
    error: grpc.RpcError,
    action: str,
    connection: FlyteConnection,
    describe_wanted: Callable[[FlyteConnection], str] = lambda connection: "",
) -> FlyteServerError:
    """Word an RPC's failure.

    :param error: what the call raised, from the blocking or the asynchronous API
    :param action: what was being done, as in ``get execution 'abc'``
    :param describe_wanted: tells an anonymous client that was refused what the server wants; may ask it
    """
    code = error.code().name if hasattr(error, "code") and error.code() else "UNKNOWN"
    details = str(error.details() or "") if hasattr(error, "details") else str(error)
    if code == "RESOURCE_EXHAUSTED" and "larger than max" in details:
        # gRPC's own limit of a message, which it words like a lack of resources.
        code = TOO_LARGE
    where = f"Flyte at {connection.endpoint} (connection {connection.conn_id!r})"
    if code == "UNAUTHENTICATED":
        who = f"client {connection.client_id!r}" if connection.client_id else "an anonymous client"
        message = f"{where} rejected {who} ({code}: {details}); auth_mode={connection.auth_mode}"
        if connection.auth_mode == "none":
            message += ". Set Client ID and Client secret, or another auth_mode, in the connection"
            message += describe_wanted(connection)
        return FlyteAuthenticationError(message, code=code, details=details)
    message = f"{where} could not {action} ({code}: {' '.join(details.split())})"
    if code == "UNAVAILABLE" and connection.insecure:
        message += "; the connection is without TLS, check Host, Port and insecure"
    kind = _KINDS.get(code, FlyteServerError)
    return kind(message, code=code, details=details)


_KINDS: dict[str, type[FlyteServerError]] = {
    "PERMISSION_DENIED": FlyteAuthenticationError,
    "NOT_FOUND": FlyteEntityNotFoundError,
}
