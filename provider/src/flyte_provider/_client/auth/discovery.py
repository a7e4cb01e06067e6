"""What Flyte says about authentication: AuthMetadataService, which answers anybody.

Source: flyteidl protos/flyteidl/service/auth.proto.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import grpc
from flyteidl.service import auth_pb2, auth_pb2_grpc

from flyte_provider._client.rpc_errors import translate
from flyte_provider.connection import FlyteConnection
from flyte_provider.exceptions import FlyteServerError

# gRPC's own word for it, which a Flyte without the service expects.
_DEFAULT_HEADER = "authorization"


@dataclass(frozen=True)
class AuthMetadata:
    """:param header: the metadata key that carries a token
    :param token_endpoint: where OAuth clients get one, or empty
    :param auth_methods: how the token endpoint wants clients to prove themselves, or empty
    """

    header: str = _DEFAULT_HEADER
    token_endpoint: str = ""
    auth_methods: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    audience: str = ""


def read_metadata(connection: FlyteConnection) -> AuthMetadata:
    """Ask Flyte over a channel of its own, without a token.

    :raises FlyteServerError: when it does not answer; a Flyte that does not know the service has the defaults
    """
    from flyte_provider._client.channel import open_plain_channel

    with closing(open_plain_channel(connection)) as channel:
        stub = auth_pb2_grpc.AuthMetadataServiceStub(channel)
        client = _ask(stub.GetPublicClientConfig, auth_pb2.PublicClientAuthConfigRequest(), connection)
        server = _ask(stub.GetOAuth2Metadata, auth_pb2.OAuth2MetadataRequest(), connection)
    return AuthMetadata(
        header=(client.authorization_metadata_key if client else "") or _DEFAULT_HEADER,
        token_endpoint=server.token_endpoint if server else "",
        auth_methods=tuple(server.token_endpoint_auth_methods_supported) if server else (),
        scopes=tuple(client.scopes) if client else (),
        audience=client.audience if client else "",
    )


def describe_wanted(connection: FlyteConnection) -> str:
    """Return what Flyte wants of its clients, for a message; empty where it does not tell."""
    try:
        metadata = read_metadata(connection)
    except FlyteServerError:
        return ""
    scopes = f", scopes {' '.join(metadata.scopes)}" if metadata.scopes else ""
    return f"; it takes tokens of {metadata.token_endpoint}{scopes}" if metadata.token_endpoint else ""


def _ask(method: Callable[..., Any], request: Any, connection: FlyteConnection) -> Any:
    try:
        return method(request, timeout=connection.timeout_seconds)
    except grpc.RpcError as exc:
        if exc.code() == grpc.StatusCode.UNIMPLEMENTED:
            return None
        raise translate(exc, "say how it authenticates", connection) from exc
