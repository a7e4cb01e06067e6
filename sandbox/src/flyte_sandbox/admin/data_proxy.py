"""Where clients may upload to and download from. Source: flyteadmin dataproxy/service.go."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeAlias
from urllib.parse import quote

from flyteidl.admin import node_execution_pb2, task_execution_pb2
from flyteidl.core import identifier_pb2, literals_pb2
from flyteidl.service import dataproxy_pb2
from google.protobuf.duration_pb2 import Duration

from flyte_sandbox.admin import flyte_urls
from flyte_sandbox.admin.executions import show_literals
from flyte_sandbox.admin.flyte_urls import FlyteUrl
from flyte_sandbox.admin.node_executions import get_row
from flyte_sandbox.blobs.signing import Signer
from flyte_sandbox.blobs.store import Store
from flyte_sandbox.clock import Clock
from flyte_sandbox.compiler.prototext import one_line
from flyte_sandbox.config import BUCKET
from flyte_sandbox.db import executions as rows
from flyte_sandbox.db.database import Database
from flyte_sandbox.db.times import to_timestamp
from flyte_sandbox.errors import AlreadyExists, InvalidArgument, NotFound
from flyte_sandbox.ids import random_name
from flyte_sandbox.phases import NODE_TERMINAL

PublishDeck: TypeAlias = Callable[[identifier_pb2.NodeExecutionIdentifier, str], None]

_MAX_EXPIRY = timedelta(hours=1)


class DataProxy:
    """:param public_url: what signed addresses start with, without a slash at the end.

    :param publish_deck: asked to put what a running node's deck holds so far at its URI.
    """

    def __init__(
        self,
        db: Database,
        clock: Clock,
        store: Store,
        signer: Signer,
        public_url: str,
        publish_deck: PublishDeck = lambda id, uri: None,
    ) -> None:
        self._publish_deck = publish_deck
        self._db = db
        self._clock = clock
        self._store = store
        self._signer = signer
        self.public_url = public_url

    def create_upload_location(
        self, request: dataproxy_pb2.CreateUploadLocationRequest
    ) -> dataproxy_pb2.CreateUploadLocationResponse:
        """The address follows from the content or from the names given, so uploading again is safe."""
        if not (request.project and request.domain):
            raise InvalidArgument("project and domain are required parameters")
        if not (request.content_md5 or request.filename_root):
            raise InvalidArgument("content_md5 or filename_root is a required parameter")
        expires_at = self._expiry(request.expires_in if request.HasField("expires_in") else None)
        uri = self._upload_uri(request)
        if request.filename and request.filename_root:
            self._check_rewrite(uri, request.content_md5)
        return dataproxy_pb2.CreateUploadLocationResponse(
            signed_url=self._sign("PUT", uri, expires_at, request.content_md5),
            native_url=uri,
            expires_at=to_timestamp(expires_at),
        )

    def _upload_uri(self, request: dataproxy_pb2.CreateUploadLocationRequest) -> str:
        prefix = request.filename_root or base64.b32encode(request.content_md5).decode()
        parts = (request.org, request.project, request.domain, prefix, request.filename or random_name(20))
        uri = f"s3://{BUCKET}/" + "/".join(part for part in parts if part)
        self._store.path(uri)
        return uri

    def _check_rewrite(self, uri: str, md5: bytes) -> None:
        if self._store.exists(uri) and (not md5 or self._store.md5(uri) != md5):
            raise AlreadyExists(
                f"file already exists at location [{uri}], specify a matching hash if you wish to rewrite"
            )

    def create_download_location(
        self, request: dataproxy_pb2.CreateDownloadLocationRequest
    ) -> dataproxy_pb2.CreateDownloadLocationResponse:
        if not request.native_url:
            raise InvalidArgument("missing native_url")
        expires_at = self._expiry(request.expires_in if request.HasField("expires_in") else None)
        self._store.path(request.native_url)
        return dataproxy_pb2.CreateDownloadLocationResponse(
            signed_url=self._sign("GET", request.native_url, expires_at), expires_at=to_timestamp(expires_at)
        )

    def create_download_link(
        self, request: dataproxy_pb2.CreateDownloadLinkRequest
    ) -> dataproxy_pb2.CreateDownloadLinkResponse:
        """A link to a node's deck."""
        if request.artifact_type != dataproxy_pb2.ARTIFACT_TYPE_DECK:
            raise _invalid_link("invalid artifact type")
        if request.WhichOneof("source") is None:
            raise _invalid_link("source is required. Provided nil")
        try:
            expires_at = self._expiry(request.expires_in if request.HasField("expires_in") else None)
        except InvalidArgument as exc:
            raise _invalid_link(exc.message) from exc
        uri = self._deck_uri(request)
        url = self._sign("GET", uri, expires_at)
        stamp = to_timestamp(expires_at)
        signed = dataproxy_pb2.PreSignedURLs(signed_url=[url], expires_at=stamp)
        return dataproxy_pb2.CreateDownloadLinkResponse(
            signed_url=[url], expires_at=stamp, pre_signed_urls=signed
        )

    def _deck_uri(self, request: dataproxy_pb2.CreateDownloadLinkRequest) -> str:
        try:
            with self._db.read() as connection:
                row = get_row(connection, request.node_execution_id)
        except NotFound as exc:
            raise InvalidArgument(
                f"failed to find node execution [{request.node_execution_id.node_id}]. Error: {exc.message}"
            ) from exc
        uri = node_execution_pb2.NodeExecutionClosure.FromString(row.closure).deck_uri
        if not uri:
            raise NotFound("no deckUrl found for request")
        if row.phase not in NODE_TERMINAL:
            self._publish_deck(request.node_execution_id, uri)
        if not self._store.exists(uri):
            raise NotFound("object not found")
        return str(uri)

    def _expiry(self, wanted: Duration | None) -> datetime:
        if wanted is None:
            return self._clock.now() + _MAX_EXPIRY
        seconds = wanted.seconds + wanted.nanos / 1e9  # a Duration may be longer than any timedelta
        if seconds < 0:
            raise InvalidArgument(f"expiresIn [{seconds:g}s] should not be less than 0")
        if seconds > _MAX_EXPIRY.total_seconds():
            raise InvalidArgument(f"expiresIn [{seconds:g}s] cannot exceed max allowed expiration [1h0m0s]")
        return self._clock.now() + timedelta(seconds=seconds)

    def get_data(self, request: dataproxy_pb2.GetDataRequest) -> dataproxy_pb2.GetDataResponse:
        """Inputs, outputs, one of them, or the deck that an address of ``flyte://`` names."""
        url = flyte_urls.parse(request.flyte_url)
        if url.kind == flyte_urls.DECK:
            link = dataproxy_pb2.CreateDownloadLinkRequest(
                artifact_type=dataproxy_pb2.ARTIFACT_TYPE_DECK, node_execution_id=url.node_id
            )
            signed = self.create_download_link(link).pre_signed_urls
            return dataproxy_pb2.GetDataResponse(pre_signed_urls=signed)
        literals = self._read_literals(url)
        if not url.name:
            return dataproxy_pb2.GetDataResponse(literal_map=literals)
        if url.name not in literals.literals:
            raise InvalidArgument(f"name [{url.name}] not found in node execution [{one_line(url.node_id)}]")
        return dataproxy_pb2.GetDataResponse(literal=literals.literals[url.name])

    def _read_literals(self, url: FlyteUrl) -> literals_pb2.LiteralMap:
        with self._db.read() as connection:
            node = get_row(connection, url.node_id)
            row = node if url.attempt is None else rows.find_attempt(connection, url.node_id, url.attempt)
        if row is None:
            raise InvalidArgument("no task executions were listed")
        if url.kind == flyte_urls.INPUTS:
            return show_literals(self._store, row.input_uri)
        kind = node_execution_pb2.NodeExecutionClosure
        closure = (kind if url.attempt is None else task_execution_pb2.TaskExecutionClosure).FromString(
            row.closure
        )
        return show_literals(self._store, closure.output_uri)

    def _sign(self, method: str, uri: str, expires_at: datetime, content_md5: bytes = b"") -> str:
        path = f"/signed/{uri.removeprefix('s3://')}"
        query = self._signer.sign(method, path, expires_at, content_md5)
        return f"{self.public_url}{quote(path, safe='/=')}?{query}"


def _invalid_link(why: str) -> InvalidArgument:
    return InvalidArgument(f"error while validating request. Error: {why}")
