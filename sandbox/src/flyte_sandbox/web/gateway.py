"""The HTTP form of the API: path, query and body become a request, the answer or the error goes back.

Source: grpc-gateway v2 runtime (mux.go, errors.go), flyteadmin pkg/server/service.go.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc import code_pb2, status_pb2
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from flyte_sandbox.errors import NotFound, ResourceExhausted, SandboxError, Unimplemented
from flyte_sandbox.web.binding import bind_path, bind_query
from flyte_sandbox.web.forms import Form, negotiate
from flyte_sandbox.web.routes import Route, Routes

Call = Callable[[str, Message], Awaitable[Message]]
"""Full method name and request to answer; raises SandboxError and nothing else."""

MAX_BODY_BYTES = 64 * 1024 * 1024

HTTP_STATUS = {
    "CANCELLED": 499,
    "UNKNOWN": 500,
    "INVALID_ARGUMENT": 400,
    "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403,
    "UNAUTHENTICATED": 401,
    "RESOURCE_EXHAUSTED": 429,
    "FAILED_PRECONDITION": 400,
    "ABORTED": 409,
    "OUT_OF_RANGE": 400,
    "UNIMPLEMENTED": 501,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DATA_LOSS": 500,
}
"""Source: grpc-gateway v2 runtime/errors.go, HTTPStatusFromCode."""


_METADATA = {"grpc-metadata-content-type": "application/grpc"}
"""What the gateway tells of the call behind it. Source: grpc-gateway v2 runtime/handler.go."""


class TooLarge(ResourceExhausted):
    """A body beyond the limit; HTTP has a status of its own for it."""


class Gateway:
    """:param call: answers for the RPCs, the same function that gRPC calls."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._routes = Routes()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            response = await self._answer(Request(scope, receive))
            await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        accepts = [value for line in request.headers.getlist("accept") for value in (line.strip(),)]
        inward, outward = negotiate(accepts, request.headers.get("content-type", ""))
        try:
            route, values = self._find(request)
            message = await _read_request(request, route, values, inward)
            body = outward.write(await self._call(route.rpc, message))
        except SandboxError as exc:
            return error_response(exc, outward)
        except ClientDisconnect:
            return Response(status_code=400)
        return Response(body, headers=_METADATA, media_type=outward.content_type)

    def _find(self, request: Request) -> tuple[Route, dict[str, str]]:
        path = request.scope["path"]
        found = self._routes.find(request.method, path)
        if found is None and self._routes.has_path(path):
            raise Unimplemented("Method Not Allowed")
        if found is None:
            raise NotFound("Not Found")
        return found


async def _read_request(request: Request, route: Route, values: dict[str, str], inward: Form) -> Message:
    message = route.request()
    if route.has_body:
        body = await read_body(request)
        if body:
            inward.read(body, message)
    for name, value in values.items():
        bind_path(message, name, value)
    if not route.has_body:
        query = parse_qs(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
        bind_query(message, query, route.fields)
    return message


async def read_body(request: Request) -> bytes:
    """:raises TooLarge: beyond the limit, without reading on."""
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise TooLarge(f"the body has more than {MAX_BODY_BYTES} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def error_response(error: SandboxError, form: Form) -> Response:
    """The status that the code stands for, with a ``google.rpc.Status`` in the form of the answer."""
    http_status = 413 if isinstance(error, TooLarge) else HTTP_STATUS[error.code]
    error = error.shortened()
    status = status_pb2.Status(code=code_pb2.Code.Value(error.code), message=error.message)
    for detail in error.details:
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    response = Response(form.write(status), http_status, media_type=form.content_type)
    if http_status == 401:
        response.headers["www-authenticate"] = " ".join(error.message.split()) or "Bearer"
    return response
