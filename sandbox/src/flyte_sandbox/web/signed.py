"""Carries out signed links: an upload that becomes visible whole or not at all, a download with ranges."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import mimetypes
from typing import BinaryIO

from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response

from flyte_sandbox.blobs.signing import Signer
from flyte_sandbox.blobs.store import Store
from flyte_sandbox.errors import DiskFull, InvalidArgument, NotFound, SandboxError, is_full_disk
from flyte_sandbox.web.forms import JSON, Form
from flyte_sandbox.web.gateway import TooLarge, error_response

MAX_UPLOAD_BYTES = 5 * 1024**3
"""What S3 takes in one PUT."""

_CHUNK_BYTES = 1 << 20

_HEADERS = {
    # Decks are pages that a task wrote. In a sandbox they have an origin of their own, from which no call to
    # the API is answered, also when one opens the link itself.
    "content-security-policy": "sandbox allow-scripts allow-popups allow-downloads; frame-ancestors 'self'",
    "x-frame-options": "SAMEORIGIN",
    "cache-control": "private, no-cache",
}


class SignedData:
    """``/signed/<bucket>/<key>``."""

    def __init__(self, store: Store, signer: Signer) -> None:
        self._store = store
        self._signer = signer

    async def __call__(self, request: Request) -> Response:
        try:
            md5 = self._verify(request)
            uri = "s3://" + request.scope["path"].removeprefix("/signed/")
            return await self._put(request, uri, md5) if request.method == "PUT" else self._get(uri)
        except SandboxError as exc:
            return error_response(exc, Form(JSON))
        except ClientDisconnect:
            return Response(status_code=400)
        except OSError as exc:
            if is_full_disk(exc):
                return error_response(DiskFull(), Form(JSON))
            raise

    def _verify(self, request: Request) -> bytes:
        query = request.scope["query_string"].decode("latin-1")
        return self._signer.verify(request.method, request.scope["path"], query)

    def _get(self, uri: str) -> Response:
        if not self._store.exists(uri):
            raise NotFound(f"object [{uri}] not found")
        path = self._store.path(uri)
        media_type, encoding = mimetypes.guess_type(path.name)
        known = media_type if media_type and not encoding else "application/octet-stream"
        return _File(path, headers=_HEADERS, media_type=known)

    async def _put(self, request: Request, uri: str, signed_md5: bytes) -> Response:
        wanted = {digest for digest in (signed_md5, _content_md5(request)) if digest}
        if int(request.headers.get("content-length", 0)) > MAX_UPLOAD_BYTES:
            raise TooLarge(f"the upload has more than {MAX_UPLOAD_BYTES} bytes")
        with self._store.stage(uri) as file:
            digest = await _receive(request, file)
            if wanted - {digest}:
                raise InvalidArgument(f"the upload to [{uri}] has another MD5 digest than was announced")
        return Response(headers={"etag": f'"{digest.hex()}"'})


class _File(FileResponse):
    chunk_size = _CHUNK_BYTES


def _content_md5(request: Request) -> bytes:
    """:raises InvalidArgument: for what is no digest in base64."""
    try:
        digest = base64.b64decode(request.headers.get("content-md5", ""), validate=True)
    except binascii.Error as exc:
        raise InvalidArgument("invalid value for Content-MD5") from exc
    if len(digest) not in (0, 16):
        raise InvalidArgument("invalid value for Content-MD5")
    return digest


async def _receive(request: Request, file: BinaryIO) -> bytes:
    """Writes the body in pieces that are worth a thread's turn, so that no other call waits for the disk.

    :return: the body's MD5 digest.
    """
    md5, piece, size = hashlib.md5(usedforsecurity=False), bytearray(), 0
    async for chunk in request.stream():
        piece += chunk
        size += len(chunk)
        if size > MAX_UPLOAD_BYTES:
            raise TooLarge(f"the upload has more than {MAX_UPLOAD_BYTES} bytes")
        if len(piece) >= _CHUNK_BYTES:
            await asyncio.to_thread(_write, file, md5, bytes(piece))
            piece.clear()
    await asyncio.to_thread(_write, file, md5, bytes(piece))
    return md5.digest()


def _write(file: BinaryIO, md5: hashlib._Hash, piece: bytes) -> None:
    md5.update(piece)
    file.write(piece)
