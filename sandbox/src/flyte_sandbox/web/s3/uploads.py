"""Uploads in parts: each part waits in the staging folder until all of them become one object."""

from __future__ import annotations

import io
import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from hashlib import md5
from pathlib import Path
from typing import Any, BinaryIO

from starlette.responses import Response

from flyte_sandbox.blobs.store import Store
from flyte_sandbox.web.s3 import documents, facts
from flyte_sandbox.web.s3.bodies import receive
from flyte_sandbox.web.s3.errors import S3Error
from flyte_sandbox.web.s3.objects import Objects, copy_bytes
from flyte_sandbox.web.s3.requests import Asked, folder_of, number, path_of

_PREFIX = "upload-"
_ABOUT = "about.json"
_PART = re.compile(r"(\d{5})\.([0-9a-f]{32})\Z")
_MAX_PARTS = 10_000
_MIN_PART_BYTES = 5 * 1024 * 1024
_MAX_XML_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Part:
    number: int
    md5: str
    path: Path

    @property
    def etag(self) -> str:
        return f'"{self.md5}"'


class Uploads:
    def __init__(self, store: Store, objects: Objects) -> None:
        self._store = store
        self._objects = objects

    async def create(self, asked: Asked) -> Response:
        path_of(self._store, asked.bucket, asked.key)
        id_ = secrets.token_hex(16)
        folder = self._store.staging / f"{_PREFIX}{id_}"
        folder.mkdir()
        about = {"bucket": asked.bucket, "key": asked.key, "headers": facts.kept(asked.headers)}
        (folder / _ABOUT).write_text(json.dumps(about))
        fields = [("Bucket", asked.bucket), ("Key", asked.key), ("UploadId", id_)]
        return _document("InitiateMultipartUploadResult", fields)

    async def put_part(self, asked: Asked) -> Response:
        async def write(file: BinaryIO) -> str:
            digests = await receive(asked.request.stream(), asked.headers, asked.signed, file)
            return digests.md5.hex()

        part = await self._add_part(asked, write)
        return Response(headers={"etag": part.etag})

    async def copy_part(self, asked: Asked) -> Response:
        async def write(file: BinaryIO) -> str:
            with self._objects.copy_source(asked) as source:
                start, size = _copied_part(asked, facts.read(source.fileno()).size)
                return (await copy_bytes(source, file, start, size)).hex()

        part = await self._add_part(asked, write)
        now = documents.time(datetime.now(timezone.utc))
        return _document("CopyPartResult", [("LastModified", now), ("ETag", part.etag)])

    async def _add_part(self, asked: Asked, write: Callable[[BinaryIO], Awaitable[str]]) -> Part:
        """The digest goes into the part's name, so that nothing has to be written down beside it."""
        folder, _ = self._find(asked)
        which = number(asked.query, "partNumber", 0)
        if not 1 <= which <= _MAX_PARTS:
            raise S3Error("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive")
        handle, name = tempfile.mkstemp(dir=folder)
        try:
            with os.fdopen(handle, "wb") as file:
                digest = await write(file)
            for old in folder.glob(f"{which:05}.*"):
                old.unlink(missing_ok=True)
            part = Part(which, digest, folder / f"{which:05}.{digest}")
            os.replace(name, part.path)
        except BaseException:
            os.unlink(name)
            raise
        return part

    async def complete(self, asked: Asked) -> Response:
        folder, about = self._find(asked)
        wanted = documents.read(await read_document(asked), "Part")
        parts = _chosen(wanted, _parts(folder))
        etag = f'"{_digest_of(parts)}-{len(parts)}"'
        with self._store.stage(asked.uri) as file:
            for part in parts:
                with part.path.open("rb") as source:
                    await copy_bytes(source, file, 0, part.path.stat().st_size)
            file.flush()
            facts.remember(file.fileno(), etag, about["headers"])
        shutil.rmtree(folder, ignore_errors=True)
        location = f"{asked.request.url.scheme}://{asked.headers.get('host', '')}/{asked.bucket}/{asked.key}"
        fields = [("Location", location), ("Bucket", asked.bucket), ("Key", asked.key), ("ETag", etag)]
        return _document("CompleteMultipartUploadResult", fields)

    async def abort(self, asked: Asked) -> Response:
        folder, _ = self._find(asked)
        shutil.rmtree(folder, ignore_errors=True)
        return Response(status_code=204)

    async def list_parts(self, asked: Asked) -> Response:
        folder, _ = self._find(asked)
        after, limit = number(asked.query, "part-number-marker", 0), number(asked.query, "max-parts", 1000)
        parts = [part for part in _parts(folder) if part.number > after]
        page = parts[:limit]
        fields: list[tuple[str, object]] = [
            ("Bucket", asked.bucket),
            ("Key", asked.key),
            ("UploadId", asked.query["uploadId"]),
            ("MaxParts", limit),
            ("IsTruncated", len(page) < len(parts)),
            ("NextPartNumberMarker", page[-1].number if page else None),
            *(("Part", _part_fields(part)) for part in page),
        ]
        return _document("ListPartsResult", fields)

    async def list_uploads(self, asked: Asked) -> Response:
        folder_of(self._store, asked.bucket)
        found = ((folder, _about(folder)) for folder in sorted(self._store.staging.glob(f"{_PREFIX}*")))
        uploads = [(folder, about) for folder, about in found if about and about["bucket"] == asked.bucket]
        fields: list[tuple[str, object]] = [
            ("Bucket", asked.bucket),
            ("IsTruncated", False),
            *(("Upload", _upload_fields(folder, about)) for folder, about in uploads),
        ]
        return _document("ListMultipartUploadsResult", fields)

    def _find(self, asked: Asked) -> tuple[Path, dict[str, Any]]:
        """:raises S3Error: for an upload that was never begun here, or has ended."""
        id_ = asked.query.get("uploadId", "")
        folder = self._store.staging / f"{_PREFIX}{id_}"
        about = _about(folder) if re.fullmatch("[0-9a-f]{32}", id_) else {}
        if (about.get("bucket"), about.get("key")) != (asked.bucket, asked.key):
            raise S3Error("NoSuchUpload", "The specified multipart upload does not exist.")
        return folder, about


async def read_document(asked: Asked) -> bytes:
    """:raises S3Error: for more than any list of parts or keys takes."""
    file = io.BytesIO()
    await receive(asked.request.stream(), asked.headers, asked.signed, file, _MAX_XML_BYTES)
    return file.getvalue()


def _about(folder: Path) -> dict[str, Any]:
    try:
        about: dict[str, Any] = json.loads((folder / _ABOUT).read_text())
    except (FileNotFoundError, ValueError):  # ended meanwhile, or a crash cut it short
        return {}
    return about


def _parts(folder: Path) -> list[Part]:
    found = ((_PART.match(entry.name), entry) for entry in sorted(folder.iterdir()))
    return [Part(int(match[1]), match[2], entry) for match, entry in found if match]


def _chosen(wanted: list[dict[str, str]], parts: list[Part]) -> list[Part]:
    """:raises S3Error: when the client's list is not one of parts that are here, large enough, in order."""
    by_number = {part.number: part for part in parts}
    chosen: list[Part] = []
    for entry in wanted:
        part = by_number.get(int(entry["PartNumber"])) if entry.get("PartNumber", "").isdecimal() else None
        if part is None or entry.get("ETag", "").strip('"') != part.md5:
            raise S3Error("InvalidPart", "One or more of the specified parts could not be found.")
        if chosen and chosen[-1].number >= part.number:
            raise S3Error("InvalidPartOrder", "The list of parts was not in ascending order.")
        chosen.append(part)
    if not chosen:
        raise S3Error("MalformedXML", "The list of parts is empty.")
    if any(part.path.stat().st_size < _MIN_PART_BYTES for part in chosen[:-1]):
        raise S3Error("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size")
    return chosen


def _digest_of(parts: list[Part]) -> str:
    return md5(b"".join(bytes.fromhex(part.md5) for part in parts), usedforsecurity=False).hexdigest()


def _copied_part(asked: Asked, size: int) -> tuple[int, int]:
    text = asked.headers.get("x-amz-copy-source-range", "")
    if not text:
        return 0, size
    match = re.fullmatch(r"bytes=(\d+)-(\d+)", text)
    if match is None or not int(match[1]) <= int(match[2]) < size:
        raise S3Error("InvalidArgument", "The x-amz-copy-source-range value is not within the source.")
    return int(match[1]), int(match[2]) - int(match[1]) + 1


def _part_fields(part: Part) -> list[tuple[str, object]]:
    stat = part.path.stat()
    modified = datetime.fromtimestamp(stat.st_mtime, timezone.utc)
    return [
        ("PartNumber", part.number),
        ("LastModified", documents.time(modified)),
        ("ETag", part.etag),
        ("Size", stat.st_size),
    ]


def _upload_fields(folder: Path, about: dict[str, Any]) -> list[tuple[str, object]]:
    began = datetime.fromtimestamp(folder.stat().st_mtime, timezone.utc)
    return [
        ("Key", about["key"]),
        ("UploadId", folder.name.removeprefix(_PREFIX)),
        ("Initiated", documents.time(began)),
    ]


def _document(name: str, fields: list[Any]) -> Response:
    return Response(documents.write(name, fields), media_type=documents.MEDIA_TYPE)
