"""Uploads and downloads by signed address."""

from __future__ import annotations

import base64
import hashlib
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator

import grpc
import pytest
from flyteidl.service import dataproxy_pb2
from flyteidl.service.dataproxy_pb2_grpc import DataProxyServiceStub
from google.protobuf.duration_pb2 import Duration

from .index import covers

CONTENT = b"some content"


@pytest.fixture(scope="module")
def data(endpoint: str) -> Iterator[DataProxyServiceStub]:
    with grpc.insecure_channel(endpoint) as channel:
        yield DataProxyServiceStub(channel)


def ask(
    data: DataProxyServiceStub, project: str, /, content: bytes = CONTENT, **fields: object
) -> dataproxy_pb2.CreateUploadLocationResponse:
    digest = hashlib.md5(content, usedforsecurity=False).digest()
    request = dataproxy_pb2.CreateUploadLocationRequest(
        **{"project": project, "domain": "development", "content_md5": digest, **fields}
    )
    return data.CreateUploadLocation(request)


def put(answer: dataproxy_pb2.CreateUploadLocationResponse, content: bytes = CONTENT, **headers: str) -> int:
    digest = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
    request = urllib.request.Request(  # noqa: S310 - what the server signed
        answer.signed_url,
        data=content,
        method="PUT",
        headers={"Content-MD5": digest, "Content-Length": str(len(content)), **answer.headers, **headers},
    )
    try:
        with urllib.request.urlopen(request) as reply:  # noqa: S310
            return reply.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@covers("rpc CreateUploadLocation", "trap 19")
def test_what_is_uploaded_keeps_its_name_below_its_digest(data: DataProxyServiceStub, project: str) -> None:
    answer = ask(data, project, filename="fast0123.tar.gz")
    digest = hashlib.md5(CONTENT, usedforsecurity=False).digest()
    folder = base64.b32encode(digest).decode()
    assert folder.endswith("======")
    assert answer.native_url.endswith(f"/{project}/development/{folder}/fast0123.tar.gz")
    assert put(answer) in (200, 201)
    assert put(answer) in (200, 201), "the same content again is fine"


@covers("rpc CreateDownloadLocation", "trap 19")
def test_what_was_uploaded_can_be_downloaded(data: DataProxyServiceStub, project: str) -> None:
    answer = ask(data, project, filename="a.txt")
    put(answer)
    location = data.CreateDownloadLocation(
        dataproxy_pb2.CreateDownloadLocationRequest(native_url=answer.native_url)
    )
    with urllib.request.urlopen(location.signed_url) as reply:  # noqa: S310
        assert reply.read() == CONTENT


@covers("trap 19")
def test_content_of_another_digest_is_refused(data: DataProxyServiceStub, project: str) -> None:
    answer = ask(data, project, filename="b.txt")
    assert put(answer, b"other content", **{"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}) >= 400


@covers("rpc CreateUploadLocation", "trap 19")
def test_a_name_of_ones_own_is_taken_by_its_first_content(data: DataProxyServiceStub, project: str) -> None:
    where = {"filename": "c.txt", "filename_root": uuid.uuid4().hex}
    answer = ask(data, project, **where)
    assert answer.native_url.endswith(f"/{where['filename_root']}/c.txt")
    put(answer)
    assert ask(data, project, **where).native_url == answer.native_url
    with pytest.raises(grpc.RpcError) as error:
        ask(data, project, b"other content", **where)
    assert error.value.code() == grpc.StatusCode.ALREADY_EXISTS


@covers("rpc CreateUploadLocation")
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"project": ""}, "project and domain are required parameters"),
        ({"content_md5": b""}, "content_md5 or filename_root is a required parameter"),
        ({"expires_in": Duration(seconds=7200)}, "cannot exceed max allowed expiration"),
    ],
    ids=["project", "digest", "expiry"],
)
def test_what_is_missing_is_said(
    data: DataProxyServiceStub, project: str, fields: dict[str, object], message: str
) -> None:
    with pytest.raises(grpc.RpcError) as error:
        ask(data, project, **fields)
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert message in error.value.details()
