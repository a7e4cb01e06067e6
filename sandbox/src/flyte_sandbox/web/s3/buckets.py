"""What can be asked of a bucket, and of the list of buckets."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from datetime import datetime, timezone
from pathlib import Path

from starlette.responses import Response

from flyte_sandbox.blobs.store import Store
from flyte_sandbox.config import BUCKET
from flyte_sandbox.web.s3 import documents, facts
from flyte_sandbox.web.s3.errors import S3Error
from flyte_sandbox.web.s3.listing import Entry, Page, list_page
from flyte_sandbox.web.s3.objects import Objects
from flyte_sandbox.web.s3.requests import Asked, folder_of, number
from flyte_sandbox.web.s3.uploads import read_document

_MAX_KEYS = 1000
_NAME = re.compile(r"(?!\d+\.\d+\.\d+\.\d+\Z)[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]\Z")
Fields = list[tuple[str, object]]


class Buckets:
    def __init__(self, store: Store, objects: Objects) -> None:
        self._store = store
        self._objects = objects

    async def list_buckets(self, asked: Asked) -> Response:
        found = (path for path in self._store.root.iterdir() if not path.name.startswith("."))
        names = sorted(path for path in found if path.is_dir())
        buckets = [("Bucket", [("Name", path.name), ("CreationDate", _changed(path))]) for path in names]
        return _document("ListAllMyBucketsResult", [("Owner", [("ID", "minio")]), ("Buckets", buckets)])

    async def head(self, asked: Asked) -> Response:
        folder_of(self._store, asked.bucket)
        return Response(headers={"x-amz-bucket-region": "us-east-1"})

    async def create(self, asked: Asked) -> Response:
        if not _NAME.match(asked.bucket):
            raise S3Error("InvalidBucketName", "The specified bucket is not valid.")
        try:
            (self._store.root / asked.bucket).mkdir()
        except FileExistsError as exc:
            message = "Your previous request to create the named bucket succeeded and you already own it."
            raise S3Error("BucketAlreadyOwnedByYou", message) from exc
        return Response(headers={"location": f"/{asked.bucket}"})

    async def delete(self, asked: Asked) -> Response:
        folder = folder_of(self._store, asked.bucket)
        try:
            if asked.bucket == BUCKET:
                raise S3Error("AccessDenied", f"{BUCKET} is Flyte's own.")
            folder.rmdir()
        except OSError as exc:
            raise S3Error("BucketNotEmpty", "The bucket you tried to delete is not empty") from exc
        return Response(status_code=204)

    async def location(self, asked: Asked) -> Response:
        folder_of(self._store, asked.bucket)
        return _document("LocationConstraint", [])

    async def versioning(self, asked: Asked) -> Response:
        folder_of(self._store, asked.bucket)
        return _document("VersioningConfiguration", [])

    async def delete_objects(self, asked: Asked) -> Response:
        """Up to 1,000 keys at once."""
        body = await read_document(asked)
        results: Fields = []
        for entry in documents.read(body, "Object")[:_MAX_KEYS]:
            results.append(self._delete_one(asked.bucket, entry.get("Key", "")))
        if documents.is_set(body, "Quiet"):
            results = [result for result in results if result[0] == "Error"]
        return _document("DeleteResult", results)

    def _delete_one(self, bucket: str, key: str) -> tuple[str, object]:
        try:
            self._objects.remove(bucket, key)
        except S3Error as exc:
            return "Error", [("Key", key), ("Code", exc.code), ("Message", exc.message)]
        return "Deleted", [("Key", key)]

    async def list_objects(self, asked: Asked) -> Response:
        """The first version of the list: goes on after a marker, which is a key."""
        marker = asked.query.get("marker", "")
        page, fields = await self._list(asked, marker)
        key = _encoding(asked)
        fields += [("Marker", key(marker)), ("NextMarker", key(page.next) if page.next else None)]
        return _document("ListBucketResult", fields)

    async def list_objects_v2(self, asked: Asked) -> Response:
        token, start = asked.query.get("continuation-token", ""), asked.query.get("start-after", "")
        page, fields = await self._list(asked, _decode(token) if token else start)
        key = _encoding(asked)
        fields += [
            ("KeyCount", len(page.entries)),
            ("StartAfter", key(start) if start else None),
            ("ContinuationToken", token or None),
            ("NextContinuationToken", _encode(page.next) if page.next else None),
        ]
        return _document("ListBucketResult", fields)

    async def _list(self, asked: Asked, after: str) -> tuple[Page, Fields]:
        folder = folder_of(self._store, asked.bucket)
        prefix, delimiter = asked.query.get("prefix", ""), asked.query.get("delimiter", "")
        limit = number(asked.query, "max-keys", _MAX_KEYS)
        key = _encoding(asked)

        def look() -> tuple[Page, Fields]:
            page = list_page(folder, prefix, delimiter, after, min(limit, _MAX_KEYS))
            return page, [field for entry in page.entries for field in _entry_fields(entry, key)]

        page, entries = await asyncio.to_thread(look)
        fields: Fields = [
            ("Name", asked.bucket),
            ("Prefix", key(prefix)),
            ("Delimiter", key(delimiter) if delimiter else None),
            ("MaxKeys", limit),
            ("EncodingType", asked.query.get("encoding-type")),
            ("IsTruncated", bool(page.next)),
        ]
        return page, fields + entries


def _entry_fields(entry: Entry, key: documents.Spell) -> Fields:
    if entry.path is None:
        return [("CommonPrefixes", [("Prefix", key(entry.key))])]
    try:
        found = facts.read(entry.path)
    except (FileNotFoundError, NotADirectoryError):  # gone since the folder was read
        return []
    fields = [
        ("Key", key(entry.key)),
        ("LastModified", documents.time(found.modified)),
        ("ETag", found.etag),
        ("Size", found.size),
        ("StorageClass", "STANDARD"),
    ]
    return [("Contents", fields)]


def _encoding(asked: Asked) -> documents.Spell:
    return documents.spell_encoded if asked.query.get("encoding-type") == "url" else str


def _encode(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode(errors="surrogateescape")).decode()


def _decode(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token).decode(errors="surrogateescape")
    except binascii.Error as exc:
        raise S3Error("InvalidArgument", "The continuation token provided is incorrect") from exc


def _changed(path: Path) -> str:
    return documents.time(datetime.fromtimestamp(path.stat().st_mtime, timezone.utc))


def _document(name: str, fields: Fields) -> Response:
    return Response(documents.write(name, fields), media_type=documents.MEDIA_TYPE)
