"""Reading, writing, copying and removing one object."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from flyte_sandbox.blobs.store import Store
from flyte_sandbox.web.s3 import documents, facts
from flyte_sandbox.web.s3.bodies import Digests, file_pieces, receive
from flyte_sandbox.web.s3.errors import S3Error
from flyte_sandbox.web.s3.requests import Asked, path_of

_RANGE = re.compile(r"bytes=(\d*)-(\d*)\Z")


class Objects:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def get(self, asked: Asked) -> Response:
        file = self.open(asked.bucket, asked.key)
        try:
            found = facts.read(file.fileno())
            _check_conditions(asked.headers, found)
            start, size, status = _wanted_part(asked.headers.get("range", ""), found.size)
        except BaseException:
            file.close()
            raise
        headers = {**found.as_headers(), **_overrides(asked.query), "content-length": str(size)}
        if status == 206:
            headers["content-range"] = f"bytes {start}-{start + size - 1}/{found.size}"
        if asked.request.method == "HEAD":
            file.close()
            return Response(status_code=status, headers=headers)
        return _FilePart(file, start, size, status, headers)

    def open(self, bucket: str, key: str) -> BinaryIO:
        """:raises S3Error: when there is no such object. A key that ends with a slash is a folder's."""
        path = path_of(self._store, bucket, key)
        try:
            if key.endswith("/"):
                if path.is_dir():
                    return open(os.devnull, "rb")
                raise FileNotFoundError(key)
            return path.open("rb")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as exc:
            raise S3Error("NoSuchKey", "The specified key does not exist.") from exc

    async def put(self, asked: Asked) -> Response:
        path = path_of(self._store, asked.bucket, asked.key)
        self._check_rewrite(asked, path)
        if asked.key.endswith("/"):
            return self._put_folder(path)
        with self._store.stage(asked.uri) as file:
            digests = await receive(asked.request.stream(), asked.headers, asked.signed, file)
            etag = f'"{digests.md5.hex()}"'
            file.flush()
            facts.remember(file.fileno(), etag, asked.headers)
        return Response(headers={"etag": etag})

    def _check_rewrite(self, asked: Asked, path: Path) -> None:
        """:raises S3Error: when the client wants to write only what is not there, or is as it knows it."""
        try:
            etag = facts.read(str(path)).etag if path.is_file() else ""
        except FileNotFoundError:
            etag = ""
        wanted, unwanted = asked.headers.get("if-match"), asked.headers.get("if-none-match")
        if wanted is not None and not _matches(wanted, etag):
            raise _PRECONDITION_FAILED
        if unwanted is not None and _matches(unwanted, etag):
            raise _PRECONDITION_FAILED

    def _put_folder(self, path: Path) -> Response:
        try:
            path.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as exc:
            raise S3Error("XMinioParentIsObject", "Object-prefix is already an object.") from exc
        return Response(headers={"etag": facts.read(str(path)).etag})

    async def delete(self, asked: Asked) -> Response:
        self.remove(asked.bucket, asked.key)
        return Response(status_code=204)

    def remove(self, bucket: str, key: str) -> None:
        """Folders go with their last object, as prefixes do. What is not there is removed already."""
        path = path_of(self._store, bucket, key)
        if not key.endswith("/"):
            with contextlib.suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
                path.unlink()
            path = path.parent
        top = self._store.root / bucket
        while path != top and top in path.parents:
            try:
                path.rmdir()
            except FileNotFoundError:
                pass
            except OSError:  # not empty, or no folder
                return
            path = path.parent

    async def copy(self, asked: Asked) -> Response:
        with self.copy_source(asked) as source:
            found = facts.read(source.fileno())
            is_replaced = asked.headers.get("x-amz-metadata-directive", "").upper() == "REPLACE"
            headers = asked.headers if is_replaced else found.headers
            with self._store.stage(asked.uri) as file:
                md5 = await copy_bytes(source, file, 0, found.size)
                file.flush()
                facts.remember(file.fileno(), f'"{md5.hex()}"', headers)
        now = facts.read(str(path_of(self._store, asked.bucket, asked.key)))
        fields = [("LastModified", documents.time(now.modified)), ("ETag", f'"{md5.hex()}"')]
        return Response(documents.write("CopyObjectResult", fields), media_type=documents.MEDIA_TYPE)

    def copy_source(self, asked: Asked) -> BinaryIO:
        """:raises S3Error: when there is no such object."""
        source = unquote(asked.headers["x-amz-copy-source"].partition("?")[0]).removeprefix("/")
        bucket, _, key = source.partition("/")
        return self.open(bucket, key)


async def copy_bytes(source: BinaryIO, target: BinaryIO, start: int, size: int) -> bytes:
    """:return: the MD5 digest of what was copied."""

    def copy() -> bytes:
        digests = Digests({}, "")
        for piece in file_pieces(source, start, size):
            digests.update(piece)
            target.write(piece)
        return digests.md5

    return await asyncio.to_thread(copy)


class _FilePart(StreamingResponse):
    """Closes the file however the answer ends."""

    def __init__(self, file: BinaryIO, start: int, size: int, status: int, headers: dict[str, str]) -> None:
        super().__init__(file_pieces(file, start, size), status, headers=headers)
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._file.close()


def _wanted_part(text: str, size: int) -> tuple[int, int, int]:
    """:return: start, size, and the status to answer with. What is no range of bytes counts for nothing.
    :raises S3Error: when it begins behind the end."""
    match = _RANGE.match(text.strip())
    if match is None or match.groups() == ("", ""):
        return 0, size, 200
    first, last = match.groups()
    start = int(first) if first else max(0, size - int(last))
    end = min(size - 1, int(last)) if first and last else size - 1
    if start >= size or (first and last and int(last) < start):
        raise S3Error("InvalidRange", "The requested range is not satisfiable")
    return start, end - start + 1, 206


_PRECONDITION_FAILED = S3Error(
    "PreconditionFailed", "At least one of the pre-conditions you specified did not hold"
)


class NotModified(Exception):  # noqa: N818 - no error: an answer without a body
    """What the client has is what there is."""


def _check_conditions(headers: Mapping[str, str], found: facts.Facts) -> None:
    """Source: RFC 9110, 13.2.2.

    :raises S3Error: when the object is not as it was wanted.
    :raises NotModified: when it is as the client knows it.
    """
    modified = found.modified.replace(microsecond=0)
    if "if-match" in headers:
        if not _matches(headers["if-match"], found.etag):
            raise _PRECONDITION_FAILED
    elif _holds(headers, "if-unmodified-since", lambda moment: modified > moment):
        raise _PRECONDITION_FAILED
    if "if-none-match" in headers:
        if _matches(headers["if-none-match"], found.etag):
            raise NotModified
    elif _holds(headers, "if-modified-since", lambda moment: modified <= moment):
        raise NotModified


def _holds(headers: Mapping[str, str], name: str, is_so: Callable[[datetime], bool]) -> bool:
    try:
        return name in headers and is_so(parsedate_to_datetime(headers[name]))
    except (TypeError, ValueError):  # no date, or one without a zone: counts for nothing
        return False


def _matches(text: str, etag: str) -> bool:
    """:param etag: empty for what is not there."""
    wanted = {part.strip().removeprefix("W/").strip('"') for part in text.split(",")}
    return bool(etag) and ("*" in wanted or etag.strip('"') in wanted)


def _overrides(query: Mapping[str, str]) -> dict[str, str]:
    """Headers that a signed link wants, such as the name to save a download under."""
    start = "response-"
    names = {name: name.removeprefix(start) for name in query if name.startswith(start)}
    return {to: query[name] for name, to in names.items() if to in (*facts.KEPT_HEADERS, "expires")}
