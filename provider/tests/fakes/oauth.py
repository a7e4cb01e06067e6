"""An OAuth server over HTTPS, the AuthMetadataService that names it, and a Flyte that wants its tokens."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import grpc
from flyteidl.service import auth_pb2, auth_pb2_grpc

from .admin import FakeAdmin, serve
from .certificates import Certificate

HEADER = "flyte-authorization"


class FakeOAuth:
    """Gives tokens ``token-1``, ``token-2`` … to the client ``id`` with the secret ``s3cret``.

    :ivar asked: the forms that were posted to the token endpoint
    :ivar valid: the tokens that Flyte takes
    """

    def __init__(self, certificate: Certificate) -> None:
        self.certificate = certificate
        self.asked: list[dict[str, str]] = []
        self.authorizations: list[str] = []
        self.valid: set[str] = set()
        self.lifetime: int | None = 3600
        self.answers_with = 200
        self.auth_methods = ["client_secret_basic"]
        self.has_metadata_service = True
        self.refuses_all = False
        self.port = 0

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def give(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        self.asked.append(form)
        self.authorizations.append(authorization)
        if self.answers_with != 200:
            return self.answers_with, {"error": "server_error"}
        if form.get("grant_type") == "client_credentials" and not self._knows(form, authorization):
            return 401, {"error": "invalid_client", "error_description": "who are you"}
        token = f"token-{len(self.asked)}"
        self.valid.add(token)
        lifetime = {} if self.lifetime is None else {"expires_in": self.lifetime}
        return 200, {"access_token": token, "token_type": "Bearer", "refresh_token": "r"} | lifetime

    @staticmethod
    def _knows(form: dict[str, str], authorization: str) -> bool:
        basic = "Basic " + base64.b64encode(b"id:s3cret").decode()
        return authorization == basic or (form.get("client_id"), form.get("client_secret")) == (
            "id",
            "s3cret",
        )


class _Metadata(auth_pb2_grpc.AuthMetadataServiceServicer):
    def __init__(self, oauth: FakeOAuth) -> None:
        self._oauth = oauth

    def GetOAuth2Metadata(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        url = self._oauth.url
        return auth_pb2.OAuth2MetadataResponse(
            token_endpoint=f"{url}/token",
            authorization_endpoint=f"{url}/authorize",
            device_authorization_endpoint=f"{url}/device",
            token_endpoint_auth_methods_supported=self._oauth.auth_methods,
        )

    def GetPublicClientConfig(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        return auth_pb2.PublicClientAuthConfigResponse(
            client_id="flytectl",
            redirect_uri="http://localhost:53593/callback",
            scopes=["all", "offline"],
            authorization_metadata_key=HEADER,
            audience="flyte",
        )


class _Guard(grpc.ServerInterceptor):
    """Lets nobody in without a token that the OAuth server has given and not taken back."""

    def __init__(self, oauth: FakeOAuth) -> None:
        self._oauth = oauth
        self._refuse = grpc.unary_unary_rpc_method_handler(self._abort)

    @staticmethod
    def _abort(request: Any, context: grpc.ServicerContext) -> None:
        context.abort(grpc.StatusCode.UNAUTHENTICATED, "token parse error")

    def intercept_service(self, continuation: Callable[..., Any], details: Any) -> Any:
        if "AuthMetadataService" in details.method:
            return continuation(details)
        header = HEADER if self._oauth.has_metadata_service else "authorization"
        token = dict(details.invocation_metadata).get(header, "").removeprefix("Bearer ")
        is_known = token in self._oauth.valid and not self._oauth.refuses_all
        return continuation(details) if is_known else self._refuse


@contextmanager
def serve_guarded(admin: FakeAdmin, certificate: Certificate) -> Iterator[FakeOAuth]:
    """Serve ``admin`` over TLS to those who have a token."""
    oauth = FakeOAuth(certificate)

    def add_metadata(server: grpc.Server) -> None:
        if oauth.has_metadata_service:
            auth_pb2_grpc.add_AuthMetadataServiceServicer_to_server(_Metadata(oauth), server)

    with (
        _serve_https(oauth),
        serve(admin, certificate.credentials(), [_Guard(oauth)], add_metadata),
    ):
        yield oauth


@contextmanager
def _serve_https(oauth: FakeOAuth) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            form = {key: value[0] for key, value in parse_qs(self.rfile.read(length).decode()).items()}
            if self.path == "/device":
                self._say(200, {
                    "device_code": "d", "user_code": "WDJB-MJHT", "verification_uri": f"{oauth.url}/go",
                    "expires_in": 60, "interval": 0,
                })  # fmt: skip
                return
            self._say(*oauth.give(form, self.headers.get("Authorization", "")))

        def do_GET(self) -> None:
            """Be the human who says yes: send the browser back with a code."""
            asked = {key: value[0] for key, value in parse_qs(urlsplit(self.path).query).items()}
            code = urlencode({"code": "c", "state": asked.get("state", "")})
            self.send_response(302)
            self.send_header("Location", f"{asked['redirect_uri']}?{code}")
            self.end_headers()

        def _say(self, status: int, body: dict[str, Any]) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = oauth.certificate.server_context().wrap_socket(server.socket, server_side=True)
    oauth.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
