"""The gRPC server: generic handlers over the dispatcher, health, reflection, and errors as status codes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError, Message
from google.rpc import status_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from flyte_sandbox.errors import Internal, SandboxError
from flyte_sandbox.rpc.dispatch import Deadline
from flyte_sandbox.rpc.methods import SERVICES, Method, methods

Call = Callable[[str, Message, Deadline], Awaitable[Message]]

MAX_MESSAGE_BYTES = 256 * 1024 * 1024

_OPTIONS = [
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_metadata_size", 64 * 1024),
    # flytekit pings every 30 s, with no call under way too; the defaults would hang up on it.
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.so_reuseport", 0),
]


class GrpcServer:
    """:param target: what to bind, ``unix:/path`` or ``127.0.0.1:0``."""

    def __init__(self, call: Call, target: str) -> None:
        self._call = call
        self._server = grpc.aio.server(options=_OPTIONS)
        for service in SERVICES:
            handlers = {method.name.rpartition("/")[2]: self._handler(method) for method in methods(service)}
            generic = grpc.method_handlers_generic_handler(service.full_name, handlers)
            self._server.add_generic_rpc_handlers((generic,))
        self._add_health_and_reflection()
        self.port = self._server.add_insecure_port(target)

    def _add_health_and_reflection(self) -> None:
        servicer = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(servicer, self._server)
        self._health = servicer
        names = [service.full_name for service in SERVICES]
        reflection.enable_server_reflection(
            [*names, health.SERVICE_NAME, reflection.SERVICE_NAME], self._server
        )

    def _handler(self, method: Method) -> grpc.RpcMethodHandler[Any, Any]:
        async def handle(data: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> Message:
            try:
                return await self._call(method.name, read(data, method.request), context.time_remaining)
            except SandboxError as exc:
                await abort(context, exc)
                raise AssertionError("unreachable") from exc

        return grpc.unary_unary_rpc_method_handler(
            handle,
            response_serializer=method.response.SerializeToString,
        )

    async def start(self) -> None:
        await self._server.start()
        for name in ("", "flyteadmin"):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    async def stop(self, grace_seconds: float) -> None:
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace_seconds)


def read(data: bytes, kind: type[Message]) -> Message:
    """Read here and not by grpc, which answers UNKNOWN to bytes that are no message.

    :raises Internal: with the words of the real one. Source: grpc-go server.go.
    """
    try:
        return kind.FromString(data)
    except DecodeError as exc:
        raise Internal(f"grpc: error unmarshalling request: {exc}") from exc


async def abort(context: grpc.aio.ServicerContext[Any, Any], error: SandboxError) -> None:
    """Ends the call with the error's code, message and details."""
    error = error.shortened()
    code = grpc.StatusCode[error.code]
    status = status_pb2.Status(code=code.value[0], message=error.message)
    for detail in error.details:
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    trailing = (("grpc-status-details-bin", status.SerializeToString()),) if error.details else ()
    await context.abort(code, error.message, trailing)
