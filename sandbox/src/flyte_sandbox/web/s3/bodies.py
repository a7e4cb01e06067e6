"""The bytes of a body, checked against everything that was announced about them.

A body may come as it is, or in pieces (``aws-chunked``), signed or not, with checksums in a trailer.
Source: Amazon S3 API reference, Signature Calculations for Transferring Payload in Multiple Chunks.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import BinaryIO

from flyte_sandbox.web.s3.errors import S3Error
from flyte_sandbox.web.s3.sigv4 import STREAMING, Signed, piece_signature

MAX_OBJECT_BYTES = 5 * 1024**3
"""What S3 takes in one PUT."""

_PIECE_BYTES = 1 << 20
_MAX_CHUNK_BYTES = 128 << 20
_MAX_LINE_BYTES = 16 * 1024
_CHECKSUM = "x-amz-checksum-"
_EMPTY_SHA256 = hashlib.sha256().hexdigest()


class Digests:
    """All digests of one body that somebody asks for, taken while it passes."""

    def __init__(self, headers: Mapping[str, str], payload: str) -> None:
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._wanted_md5 = _base64(headers.get("content-md5", ""))
        self._payload = payload if len(payload) == len(_EMPTY_SHA256) else ""
        self._announced = {name: value for name, value in headers.items() if name.startswith(_CHECKSUM)}
        trailing = [name.strip().lower() for name in headers.get("x-amz-trailer", "").split(",")]
        names = {name.removeprefix(_CHECKSUM) for name in (*self._announced, *trailing)}
        self._crc32 = 0 if "crc32" in names else None
        self._hashes = {name: hashlib.new(name) for name in names & {"sha1", "sha256"}}
        if self._payload:
            self._hashes.setdefault("sha256", hashlib.sha256())
        self.size = 0

    def update(self, piece: bytes) -> None:
        self.size += len(piece)
        self._md5.update(piece)
        if self._crc32 is not None:
            self._crc32 = zlib.crc32(piece, self._crc32)
        for digest in self._hashes.values():
            digest.update(piece)

    @property
    def md5(self) -> bytes:
        return self._md5.digest()

    def check(self, trailer: Mapping[str, str]) -> None:
        """:raises S3Error: when the body is not what was announced."""
        if self._wanted_md5 and self._wanted_md5 != self.md5:
            raise S3Error("BadDigest", "The Content-MD5 you specified did not match what we received.")
        if self._payload and self._hashes["sha256"].hexdigest() != self._payload:
            raise S3Error(
                "XAmzContentSHA256Mismatch", "x-amz-content-sha256 does not match what we received."
            )
        for name, value in (*self._announced.items(), *trailer.items()):
            taken = self._checksum(name.removeprefix(_CHECKSUM))
            if taken is not None and base64.b64encode(taken).decode() != value.strip():
                raise S3Error("BadDigest", f"The {name} you specified did not match what we received.")

    def _checksum(self, name: str) -> bytes | None:
        """:return: None for a kind that we do not take."""
        if name == "crc32" and self._crc32 is not None:
            return self._crc32.to_bytes(4, "big")
        return self._hashes[name].digest() if name in self._hashes else None


async def receive(
    stream: AsyncIterator[bytes],
    headers: Mapping[str, str],
    signed: Signed,
    file: BinaryIO,
    limit: int = MAX_OBJECT_BYTES,
) -> Digests:
    """Writes a body to a file.

    :param headers: names in lower case.
    :raises S3Error: when it is cut short, too large, or not what was announced.
    """
    digests = Digests(headers, signed.payload)
    body = Pieces(stream, signed) if signed.payload.startswith(STREAMING) else _Plain(stream)
    waiting = bytearray()
    async for piece in body:
        waiting += piece
        if digests.size + len(waiting) > limit:
            raise S3Error("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size.")
        if len(waiting) >= _PIECE_BYTES:
            await asyncio.to_thread(_write, file, digests, bytes(waiting))
            waiting.clear()
    await asyncio.to_thread(_write, file, digests, bytes(waiting))
    digests.check(body.trailer)
    return digests


def _write(file: BinaryIO, digests: Digests, piece: bytes) -> None:
    digests.update(piece)
    file.write(piece)


class _Plain:
    """A body as it is."""

    def __init__(self, stream: AsyncIterator[bytes]) -> None:
        self._stream = stream
        self.trailer: dict[str, str] = {}

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._stream


class Pieces:
    """A body in pieces: ``<hex size>[;chunk-signature=<hex>]``, the bytes, and so on until a size of 0.

    :ivar trailer: what came after the last piece, by name in lower case.
    """

    def __init__(self, stream: AsyncIterator[bytes], signed: Signed) -> None:
        self._stream = stream
        self._signed = signed
        self._is_signed = "UNSIGNED" not in signed.payload
        self._has_trailer = signed.payload.endswith("-TRAILER")
        self._previous = signed.signature
        self._buffer = bytearray()
        self.trailer: dict[str, str] = {}

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            size, signature = _chunk_head(await self._line())
            piece = await self._exactly(size)
            if self._is_signed:
                digest = hashlib.sha256(piece).hexdigest()
                self._check("PAYLOAD", signature, _EMPTY_SHA256, digest)
            if size == 0:
                break
            yield piece
            if await self._line():
                raise S3Error("IncompleteBody", "A piece of the body is longer than it says.")
        if self._has_trailer:
            await self._read_trailer()

    def _check(self, kind: str, signature: str, *digests: str) -> None:
        wanted = piece_signature(self._signed, kind, self._previous, *digests)
        if not hmac.compare_digest(wanted, signature):
            raise S3Error("SignatureDoesNotMatch", "The signature of a piece of the body does not match.")
        self._previous = wanted

    async def _read_trailer(self) -> None:
        lines, signature = [], ""
        while line := await self._line(is_last=True):
            name, _, value = line.decode("latin-1").partition(":")
            if name.lower() == "x-amz-trailer-signature":
                signature = value.strip()
            else:
                lines.append(f"{name}:{value}\n")
                self.trailer[name.lower()] = value.strip()
        if self._is_signed:
            self._check("TRAILER", signature, hashlib.sha256("".join(lines).encode()).hexdigest())

    async def _line(self, is_last: bool = False) -> bytes:
        """:param is_last: the body may end instead."""
        while (end := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > _MAX_LINE_BYTES:
                raise S3Error("IncompleteBody", "A line in the body is too long.")
            if not await self._pull():
                if is_last and not self._buffer:
                    return b""
                raise S3Error("IncompleteBody", "The body ends before its last piece.")
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    async def _exactly(self, size: int) -> bytes:
        if size > _MAX_CHUNK_BYTES:
            raise S3Error("EntityTooLarge", "A piece of the body is too large.")
        while len(self._buffer) < size:
            if not await self._pull():
                raise S3Error("IncompleteBody", "The body ends before its last piece.")
        piece = bytes(self._buffer[:size])
        del self._buffer[:size]
        return piece

    async def _pull(self) -> bool:
        data = await anext(self._stream, b"")
        self._buffer += data
        return bool(data)


def _chunk_head(line: bytes) -> tuple[int, str]:
    size, _, extension = line.decode("latin-1").partition(";")
    try:
        return int(size, 16), extension.strip().removeprefix("chunk-signature=")
    except ValueError as exc:
        raise S3Error("IncompleteBody", "A piece of the body does not begin with its size.") from exc


def file_pieces(file: BinaryIO, start: int, size: int) -> Iterator[bytes]:
    """``size`` bytes of a file from ``start`` on; fewer when it has become shorter meanwhile."""
    file.seek(start)
    while size > 0 and (piece := file.read(min(size, _PIECE_BYTES))):
        size -= len(piece)
        yield piece


def _base64(text: str) -> bytes:
    try:
        digest = base64.b64decode(text, validate=True)
    except binascii.Error as exc:
        raise S3Error("InvalidDigest", "The Content-MD5 you specified is not valid.") from exc
    if len(digest) not in (0, 16):
        raise S3Error("InvalidDigest", "The Content-MD5 you specified is not valid.")
    return digest
