"""One S3 request, with its signature believed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

from starlette.requests import Request

from flyte_sandbox.blobs.store import SCHEME, Store
from flyte_sandbox.errors import InvalidArgument
from flyte_sandbox.web.s3.errors import S3Error
from flyte_sandbox.web.s3.sigv4 import Signed


@dataclass(frozen=True)
class Asked:
    """:param key: empty for the bucket itself.
    :param headers: names in lower case."""

    request: Request
    bucket: str
    key: str
    query: dict[str, str]
    headers: dict[str, str]
    signed: Signed

    @property
    def uri(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.key}"


def query_of(request: Request) -> dict[str, str]:
    text = request.scope["query_string"].decode("latin-1")
    return dict(parse_qsl(text, keep_blank_values=True))


def number(query: dict[str, str], name: str, default: int) -> int:
    """:raises S3Error: for what is no number from 0 on."""
    text = query.get(name, str(default))
    if not text.isdecimal():
        raise S3Error("InvalidArgument", f"Argument {name} must be an integer from 0 on.")
    return int(text)


def path_of(store: Store, bucket: str, key: str) -> Path:
    """:raises S3Error: for a bucket that is not there, or a key that can be no file's name."""
    folder_of(store, bucket)
    try:
        return store.path(f"{SCHEME}{bucket}/{key}")
    except InvalidArgument as exc:
        raise S3Error("InvalidArgument", exc.message) from exc


def folder_of(store: Store, bucket: str) -> Path:
    """:raises S3Error: for a bucket that is not there."""
    folder = store.root / bucket
    if not bucket or bucket.startswith(".") or "/" in bucket or "\0" in bucket or not folder.is_dir():
        raise S3Error("NoSuchBucket", "The specified bucket does not exist")
    return folder
