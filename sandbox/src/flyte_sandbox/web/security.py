"""Who may talk HTTP to us at all, and what every answer tells a browser.

Reaching the API means running code as the user who started the sandbox, and any page in a browser of this
machine can send requests here. So: no foreign Host (a rebound name), no foreign Origin, no body that a plain
form could send. flyteadmin allows all origins; we differ on purpose: its tasks are pods, ours processes.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flyte_sandbox.config import SandboxConfig
from flyte_sandbox.web.forms import JSON, PROTOBUF

LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")
SIGNED_PREFIX = "/signed/"

_HEADERS = {
    # The API is data; should a browser show it as a page after all, nothing in it may run or load.
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
_CORS = {
    "access-control-allow-credentials": "true",
    "access-control-allow-headers": "Content-Type, Accept, flyte-authorization",
    "access-control-allow-methods": "GET, POST, DELETE, HEAD, PUT, PATCH",
    "vary": "Origin",
}
_BODY_TYPES = frozenset({JSON, PROTOBUF})


class HostGuard:
    """For what browsers have no business with at all: no foreign Host, and no Origin whatsoever.

    :param hosts: see :func:`host_names`.
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        app = _misdirected(headers, self._hosts) or _from_a_page(headers, frozenset()) or self._app
        await app(scope, *_closing_unread(headers, receive, send))


class Guard:
    """Wraps the whole app.

    :param port: the one that clients use, which a port 0 in ``config`` does not tell.
    """

    def __init__(self, app: ASGIApp, config: SandboxConfig, port: int) -> None:
        self._app = app
        self._hosts = host_names(config.allowed_hosts, port, config.public_url)
        own = frozenset(f"{scheme}://{host}" for host in self._hosts for scheme in ("http", "https"))
        self._foreign = frozenset(origin.rstrip("/").lower() for origin in config.cors_origins)
        self._origins = own | self._foreign

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin", "").lower()
        cors = {"access-control-allow-origin": origin, **_CORS} if origin in self._foreign else {}
        refusal = _misdirected(headers, self._hosts) or _from_a_page(headers, self._origins)
        app = refusal or _wrong_body(scope, headers) or _preflight(scope, cors) or self._app
        await app(scope, *_closing_unread(headers, receive, _adding({**_HEADERS, **cors}, send)))


def host_names(allowed: Iterable[str], port: int, public_url: str = "") -> frozenset[str]:
    """Our names as they stand in a Host header, which leaves a default port out.

    :param allowed: further names, with a port of their own or without one.
    """
    names = {name.lower() for name in (*LOCAL_NAMES, *allowed)}
    bare = {name for name in names if ":" not in name.rpartition("]")[2]}
    hosts = (names - bare) | {f"{name}:{port}" for name in bare} | (bare if port == 80 else set())
    return frozenset(hosts | ({urlsplit(public_url).netloc.lower()} if public_url else set()))


def _misdirected(headers: Headers, known: frozenset[str]) -> Response | None:
    hosts = [host.lower() for host in headers.getlist("host")]
    if len(hosts) == 1 and hosts[0] in known:
        return None
    return PlainTextResponse(f"nothing here is called {hosts}; see the setting allowed_hosts\n", 421)


def _from_a_page(headers: Headers, known: frozenset[str]) -> Response | None:
    origin = headers.get("origin")
    if origin is None or origin.lower() in known:
        return None
    return PlainTextResponse(f"pages of {origin!r} may not call; see the setting cors_origins\n", 403)


def _wrong_body(scope: Scope, headers: Headers) -> Response | None:
    if not _has_body(headers) or scope["path"].startswith(SIGNED_PREFIX):
        return None
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type in _BODY_TYPES:
        return None
    return PlainTextResponse(f"send a body as {JSON} or {PROTOBUF}, not {content_type!r}\n", 415)


def _has_body(headers: Headers) -> bool:
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def _preflight(scope: Scope, cors: dict[str, str]) -> Response | None:
    if cors and scope["method"] == "OPTIONS":
        return Response()
    return None


def _adding(defaults: dict[str, str], send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in defaults.items():
                headers.setdefault(name, value)
        await send(message)

    return send_with_headers


def _closing_unread(headers: Headers, receive: Receive, send: Send) -> tuple[Receive, Send]:
    """Ends the connection after an answer that did not wait for the body.

    A client that asked first (``Expect: 100-continue``) does not send it any more, and what it sends next on
    the same connection would be taken for it.
    """
    is_read = not _has_body(headers)

    async def receive_and_see() -> Message:
        nonlocal is_read
        message = await receive()
        is_read = is_read or not message.get("more_body", False)
        return message

    async def send_and_close(message: Message) -> None:
        if message["type"] == "http.response.start" and not is_read:
            MutableHeaders(scope=message)["connection"] = "close"
        await send(message)

    return receive_and_see, send_and_close
