"""Who may talk HTTP to us at all, and what every answer tells a browser.

Reaching the API means running code as the user who started the sandbox, and any page in a browser of this
machine can send requests here. So: no foreign Host (a rebound name), no foreign Origin, no body that a plain
form could send. flyteadmin allows all origins; we differ on purpose: its tasks are pods, ours processes.
"""

from __future__ import annotations

from collections.abc import Iterator
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


class Guard:
    """Wraps the whole app.

    :param port: the one that clients use, which a port 0 in ``config`` does not tell.
    """

    def __init__(self, app: ASGIApp, config: SandboxConfig, port: int) -> None:
        self._app = app
        self._hosts = frozenset(_hosts(config, port))
        self._own = frozenset(f"{scheme}://{host}" for host in self._hosts for scheme in ("http", "https"))
        self._foreign = frozenset(origin.rstrip("/").lower() for origin in config.cors_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin", "").lower()
        cors = {"access-control-allow-origin": origin, **_CORS} if origin in self._foreign else {}
        app = self._refusal(scope, headers) or _preflight(scope, cors) or self._app
        await app(scope, receive, _adding({**_HEADERS, **cors}, send))

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        hosts, origin = [host.lower() for host in headers.getlist("host")], headers.get("origin")
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            return PlainTextResponse(f"nothing here is called {hosts}; see the setting allowed_hosts\n", 421)
        if origin is not None and origin.lower() not in self._own | self._foreign:
            return PlainTextResponse(f"pages of {origin!r} may not call; see the setting cors_origins\n", 403)
        if _has_body(headers) and not scope["path"].startswith(SIGNED_PREFIX):
            content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
            if content_type not in _BODY_TYPES:
                return PlainTextResponse(f"send a body as {JSON} or {PROTOBUF}, not {content_type!r}\n", 415)
        return None


def _hosts(config: SandboxConfig, port: int) -> Iterator[str]:
    """Names as they stand in a Host header, which leaves the default port out."""
    for name in (*LOCAL_NAMES, *config.allowed_hosts):
        has_port = ":" in name.rpartition("]")[2]
        yield name.lower() if has_port else f"{name.lower()}:{port}"
        if port == 80 and not has_port:
            yield name.lower()
    if config.public_url:
        yield urlsplit(config.public_url).netloc.lower()


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
