"""Nobody without the keys, nobody from a web page, and no body that is not what was announced."""

from __future__ import annotations

import base64
import hashlib
import socket
import zlib
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlsplit

import botocore.auth
import botocore.awsrequest
import httpx
import pytest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from flyte_sandbox.web.s3.sigv4 import Signed, piece_signature

from ...waiting import eventually

BUCKET = "my-s3-bucket"
KEYS = Credentials("minio", "miniostorage")


def headers_of(request: Any) -> dict[str, str]:
    """What botocore has signed; the length is the sender's to tell."""
    return {name: value for name, value in request.headers.items() if name.lower() != "content-length"}


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ({"aws_secret_access_key": "wrong"}, "SignatureDoesNotMatch"),
        ({"aws_access_key_id": "nobody"}, "InvalidAccessKeyId"),
    ],
)
def test_wrong_keys_are_refused(served: Any, s3: Any, keys: dict[str, str], code: str) -> None:
    client = served.client(**keys)
    for call in (
        lambda: client.list_objects_v2(Bucket=BUCKET),
        lambda: client.put_object(Bucket=BUCKET, Key="x", Body=b"x" * 1_000_000),
        lambda: client.get_object(Bucket=BUCKET, Key="x"),
    ):
        with pytest.raises(ClientError) as error:
            call()
        assert error.value.response["Error"]["Code"] == code
    assert list(served.bucket.iterdir()) == []
    client.close()


def test_without_a_signature_nothing_is_told(served: Any) -> None:
    for method, path in (
        ("GET", "/"),
        ("GET", f"/{BUCKET}"),
        ("GET", f"/{BUCKET}/x"),
        ("PUT", f"/{BUCKET}/x"),
    ):
        answer = httpx.request(method, served.url + path, trust_env=False)
        assert answer.status_code == 403
        assert "<Code>AccessDenied</Code>" in answer.text


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_any_region_will_do(served: Any, s3: Any, region: str) -> None:
    config = Config(region_name=region)
    client = served.client(config=config)
    assert client.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0
    client.close()


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_signed_links_work_both_ways_until_they_end(served: Any, s3: Any, version: str) -> None:
    client = served.client(config=Config(signature_version=version))
    about = {"Bucket": BUCKET, "Key": "a b+ü%/x?.txt"}
    put = client.generate_presigned_url("put_object", Params={**about, "ContentType": "text/x"})
    answer = httpx.put(put, content=b"hello", headers={"content-type": "text/x"}, trust_env=False)
    assert answer.status_code == 200, answer.text
    wanted = {**about, "ResponseContentDisposition": "attachment; filename=x"}
    get = client.generate_presigned_url("get_object", Params=wanted)
    answer = httpx.get(get, trust_env=False)
    assert (answer.content, answer.headers["content-type"]) == (b"hello", "text/x")
    assert answer.headers["content-disposition"] == "attachment; filename=x"
    assert httpx.put(get, content=b"x", trust_env=False).status_code == 403
    assert httpx.get(get.replace("x%3F", "y%3F"), trust_env=False).status_code == 403
    short = client.generate_presigned_url("get_object", Params=about, ExpiresIn=-1)
    assert httpx.get(short, trust_env=False).status_code in (400, 403)
    client.close()


def _signed(served: Any, method: str, path: str, headers: dict[str, str], at: datetime | None = None) -> Any:
    """A request as a client would send it, signed by botocore."""
    request = botocore.awsrequest.AWSRequest(method, served.url + path, headers=headers, data=b"")
    auth = botocore.auth.S3SigV4Auth(KEYS, "s3", "us-east-1")
    if at is not None:
        auth._get_utc = lambda: at
    request.context["timestamp"] = (at or datetime.now(timezone.utc)).strftime("%Y%m%dT%H%M%SZ")
    request.context["payload_signing_enabled"] = True
    auth.add_auth(request)
    return request.prepare()


def test_an_old_request_is_refused(served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    long_ago = datetime.now(timezone.utc) - timedelta(minutes=20)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_, **__: long_ago)
    request = _signed(served, "GET", f"/{BUCKET}", {})
    answer = httpx.get(request.url, headers=headers_of(request), trust_env=False)
    assert answer.status_code == 403
    assert "RequestTimeTooSkewed" in answer.text


@pytest.mark.parametrize("host", ["evil.example", "localhost", "my-s3-bucket.localhost"])
def test_another_host_is_misdirected(served: Any, host: str) -> None:
    answer = httpx.get(served.url, headers={"host": host}, trust_env=False)
    assert answer.status_code == 421


def test_a_web_page_is_refused(served: Any) -> None:
    for origin in ("http://evil.example", "null", served.url):
        answer = httpx.get(served.url, headers={"origin": origin}, trust_env=False)
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"content-md5": base64.b64encode(b"0" * 16).decode()}, "BadDigest"),
        ({"content-md5": "?"}, "InvalidDigest"),
        ({"x-amz-checksum-crc32": "AAAAAA=="}, "BadDigest"),
        ({"x-amz-checksum-sha256": "AAAA"}, "BadDigest"),
        ({"x-amz-content-sha256": "0" * 64}, "XAmzContentSHA256Mismatch"),
    ],
)
def test_a_body_that_is_not_what_was_announced_leaves_nothing(
    served: Any, s3: Any, headers: dict[str, str], code: str
) -> None:
    given = {"x-amz-content-sha256": hashlib.sha256(b"hello").hexdigest(), **headers}
    request = _signed_as(served, given)
    answer = httpx.put(request.url, content=b"hello", headers=headers_of(request), trust_env=False)
    assert answer.status_code == 400
    assert f"<Code>{code}</Code>" in answer.text
    assert list(served.bucket.iterdir()) == []


def _signed_as(served: Any, headers: dict[str, str]) -> Any:
    """Signed with the payload hash that the headers announce, true or not."""

    class Announcing(botocore.auth.S3SigV4Auth):
        def payload(self, request: Any) -> str:
            return headers["x-amz-content-sha256"]

    request = botocore.awsrequest.AWSRequest("PUT", f"{served.url}/{BUCKET}/x", headers=headers)
    Announcing(KEYS, "s3", "us-east-1").add_auth(request)
    return request.prepare()


def _in_pieces(request: Any, kind: str, pieces: list[bytes], trailer: bytes = b"") -> bytes:
    """The body as clients of other makes send it."""
    authorization = request.headers["Authorization"]
    authorization = authorization.decode() if isinstance(authorization, bytes) else authorization
    signature = authorization.rpartition("Signature=")[2]
    scope = authorization.partition("Credential=minio/")[2].partition(",")[0]
    date = request.headers["X-Amz-Date"]
    signed = Signed(kind, _key(scope), scope, date.decode() if isinstance(date, bytes) else date, signature)
    empty, body = hashlib.sha256().hexdigest(), b""
    for piece in (*pieces, b""):
        digest = hashlib.sha256(piece).hexdigest()
        signature = piece_signature(signed, "PAYLOAD", signature, empty, digest)
        mark = "" if "UNSIGNED" in kind else f";chunk-signature={signature}"
        body += f"{len(piece):x}{mark}\r\n".encode() + piece + (b"\r\n" if piece else b"")
    if not trailer:
        return body + b"\r\n"
    digest = hashlib.sha256(trailer + b"\n").hexdigest()
    signature = piece_signature(signed, "TRAILER", signature, digest)
    end = b"" if "UNSIGNED" in kind else f"x-amz-trailer-signature:{signature}\r\n".encode()
    return body + trailer + b"\r\n" + end + b"\r\n"


def _key(scope: str) -> bytes:
    import hmac

    key = b"AWS4miniostorage"
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


PIECES = [b"x" * 70_000, b"hello"]
CRC = base64.b64encode(zlib.crc32(b"".join(PIECES)).to_bytes(4, "big")).decode()


@pytest.mark.parametrize(
    ("kind", "has_trailer"),
    [
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", False),
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", True),
        ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", True),
    ],
)
def test_a_body_in_pieces_is_put_together_and_checked(
    served: Any, s3: Any, kind: str, has_trailer: bool
) -> None:
    announced = {"x-amz-trailer": "x-amz-checksum-crc32"} if has_trailer else {}
    headers = {"x-amz-content-sha256": kind, "content-encoding": "aws-chunked", **announced}

    def put(trailer: bytes, change: tuple[bytes, bytes] = (b"", b"")) -> httpx.Response:
        request = _signed_as(served, headers)
        body = _in_pieces(request, kind, PIECES, trailer if has_trailer else b"").replace(*change)
        return httpx.put(request.url, content=body, headers=headers_of(request), trust_env=False)

    good = f"x-amz-checksum-crc32:{CRC}".encode()
    if kind != "STREAMING-UNSIGNED-PAYLOAD-TRAILER":
        assert "SignatureDoesNotMatch" in put(good, (b"hello", b"hallo")).text
    if has_trailer:
        assert "BadDigest" in put(b"x-amz-checksum-crc32:AAAAAA==").text
    assert "IncompleteBody" in put(good, (b"11170", b"fffff")).text
    assert list(served.bucket.iterdir()) == []
    answer = put(good)
    assert answer.status_code == 200, answer.text
    assert (served.bucket / "x").read_bytes() == b"".join(PIECES)
    assert "ContentEncoding" not in s3.head_object(Bucket=BUCKET, Key="x")


def test_a_document_with_a_document_type_is_refused(served: Any) -> None:
    body = b'<!DOCTYPE x [<!ENTITY a "b">]><Delete><Object><Key>&a;</Key></Object></Delete>'
    digest = hashlib.sha256(body).hexdigest()

    class Announcing(botocore.auth.S3SigV4Auth):
        def payload(self, request: Any) -> str:
            return digest

    headers = {"x-amz-content-sha256": digest}
    request = botocore.awsrequest.AWSRequest("POST", f"{served.url}/{BUCKET}?delete", headers=headers)
    Announcing(KEYS, "s3", "us-east-1").add_auth(request)
    prepared = request.prepare()
    answer = httpx.post(prepared.url, content=body, headers=headers_of(prepared), trust_env=False)
    assert "<Code>MalformedXML</Code>" in answer.text


def test_an_upload_that_breaks_off_is_never_seen(served: Any, s3: Any) -> None:
    url = s3.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": "x"})
    parts = urlsplit(url)
    with socket.create_connection(("127.0.0.1", served.port)) as client:
        head = (
            f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: 99\r\n\r\n"
        )
        client.sendall(head.encode() + b"half")
        client.shutdown(socket.SHUT_WR)
        while client.recv(1000):
            pass
    eventually(lambda: not list((served.root / ".staging").iterdir()))
    assert list(served.bucket.iterdir()) == []
