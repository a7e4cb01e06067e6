"""Whatever is sent to a door that speaks HTTP, it answers in time, knows what went wrong, and stays open."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from google.protobuf import json_format
from google.rpc import status_pb2
from hypothesis import given
from hypothesis import strategies as st

from flyte_sandbox.web.routes import Routes
from flyte_sandbox.web.s3.run import S3Server

from . import corpus
from .conftest import Calls
from .raw import Answer, compose, send
from .strategies import TEXTS, mutated, texts
from .test_rpcs import deeply, examples

pytestmark = [pytest.mark.processes, pytest.mark.usefixtures("launched")]

ROUTES = sorted(Routes(), key=lambda route: (route.segments, route.verb))
JSON, OCTETS = "application/json", "application/octet-stream"
PAGES = (
    *(
        "",
        "projects",
        "projects/{}/domains/{}",
        "projects/{}/domains/{}/executions/{}",
        "logs/{}/{}/{}/{}/{}",
    ),
    *("projects/{}/domains/{}/executions/{}/nodes/{}", "projects/{}/domains/{}/executions/{}/nodes/{}/deck"),
    *("projects/{}/domains/{}/{}", "projects/{}/domains/{}/{}/{}", "projects/{}/domains/{}/{}/{}/version/{}"),
    *("static/{}", "download", "projects/{}/{}", "{}/{}/{}"),
)

verbs = st.sampled_from(("GET", "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "BREW"))
accepts = st.sampled_from(("*/*", JSON, OCTETS, "text/html", "", "a" * 200, f"{JSON}, {OCTETS}"))
types = st.sampled_from((JSON, OCTETS, f"{JSON}; charset=latin-1", "text/plain", "", "a/b;;;", "é"))
lengths = st.sampled_from(("", "0", "5", "-1", "99999999999999999999", "x", "1, 2"))
NAMES = (
    *(
        "limit",
        "token",
        "filters",
        "sort_by.key",
        "sortBy.direction",
        "id.name",
        "cursor",
        "raw",
        "uri",
        "domain",
    ),
    *(
        "expires_in",
        "flyte_url",
        "resource_type",
        "values[a]",
        "id",
        "sort_by",
        "a.b.c",
        "",
        "%00",
        "uploadId",
    ),
)
names = st.sampled_from(NAMES)
queries = st.lists(st.tuples(names, texts), max_size=4).map(lambda pairs: urlencode(pairs).encode())
noise = st.one_of(queries, st.binary(max_size=12))
values = st.one_of(texts.map(lambda text: quote(text, safe="")), st.sampled_from(TEXTS), texts)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Of a message in one of its forms, perhaps broken."""
    message = draw(
        mutated(corpus.call(draw(st.sampled_from(("CreateExecution", "SetSignal", "UpdateProject")))))
    )
    form = draw(st.sampled_from(("json", "octets", "noise", "")))
    data = draw(st.binary(max_size=30))
    if form == "octets":
        data = message.SerializeToString()
    elif form == "json":
        data = _json(message)
    return data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data


def _json(message: Any) -> bytes:
    try:
        return json_format.MessageToJson(message).encode()
    except (json_format.SerializeToJsonError, ValueError):  # a time that no calendar has
        return b'{"spec": {"labels": [1, {"a": NaN}]}}'


@st.composite
def requests(draw: st.DrawFn, port: int, templates: tuple[str, ...]) -> tuple[bytes, bool]:
    """:return: a request, and whether it asks for nothing but a head."""
    verb, template, body = draw(verbs), draw(st.sampled_from(templates)), draw(bodies())
    while "{}" in template:
        template = template.replace("{}", draw(values), 1)
    target = template.encode() + draw(st.sampled_from((b"", b"?"))) + draw(noise)
    headers = [
        (b"Host", f"localhost:{port}".encode()),
        (b"Accept", draw(accepts).encode()),
        (b"Content-Type", draw(types).encode()),
        *draw(
            st.lists(
                st.tuples(st.sampled_from((b"Range", b"Expect", b"X")), st.binary(max_size=9)), max_size=2
            )
        ),
    ]
    if draw(st.booleans()):
        length = draw(lengths)
        headers.append((b"Content-Length", (length or str(len(body))).encode()))
    return compose(verb, target, headers, body), verb == "HEAD"


def check(answer: Answer, request: bytes) -> None:
    assert answer.status == 0 or 200 <= answer.status < 600, (answer, request)
    for text in (b"Traceback", b"Internal Server Error", b"see the server's log", b'File "'):
        assert text not in answer.body, (answer, request)
    if answer.status >= 400 and answer.headers.get("content-type") == JSON and answer.body:
        status = json_format.Parse(answer.body, status_pb2.Status(), ignore_unknown_fields=True)
        assert status.code != 2, (answer, request)


def poke(port: int, templates: tuple[str, ...], number: Any) -> None:
    @number
    @given(requests(port, templates))
    def each(request: tuple[bytes, bool]) -> None:
        check(send(port, *request), request[0])

    each()


def _templates() -> tuple[str, ...]:
    paths = {"/" + "/".join("{}" if part[:1] == "{" else part for part in route.segments) for route in ROUTES}
    return tuple(sorted(paths))


DOORS = {
    "api": _templates(),
    "console": tuple(f"/console/{page}" for page in PAGES),
    "rest": ("/", "/healthcheck", "/signed/{}/{}", "/signed/my-s3-bucket/{}", "/api/v1/openapi", "/{}", "{}"),
}


@pytest.mark.parametrize("door", sorted(DOORS))
def test_any_http_request_is_answered(calls: Calls, door: str) -> None:
    poke(calls.sandbox.port, DOORS[door], examples(300))
    _check_health(calls.sandbox.port)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("door", sorted(DOORS))
def test_any_http_request_is_answered_in_depth(calls: Calls, door: str) -> None:
    poke(calls.sandbox.port, DOORS[door], deeply(10_000))
    _check_health(calls.sandbox.port)


def _check_health(port: int) -> None:
    healthy = compose("GET", b"/healthcheck", [(b"Host", f"localhost:{port}".encode())], b"")
    assert send(port, healthy).status == 200


# ---- S3 ----------------------------------------------------------------------------------------------------

OPERATIONS = ("uploads", "uploadId", "partNumber", "list-type", "delete", "prefix", "delimiter", "max-keys")
OPERATIONS += (
    "continuation-token",
    "start-after",
    "encoding-type",
    "location",
    "acl",
    "marker",
    "part-number-marker",
)
keys = st.one_of(texts, st.sampled_from(("a", "a/b", "a/b/c", ".staging/x", "a//b", "dir/")))
documents = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        (
            b"<Delete><Object><Key>a</Key></Object></Delete>",
            b"<Delete><Object><Key>../x</Key></Object><Quiet>true</Quiet></Delete>",
            b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>",
            b"<CompleteMultipartUpload><Part><PartNumber>x</PartNumber><ETag>y</ETag></Part>"
            b"</CompleteMultipartUpload>",
            b'<!DOCTYPE a [<!ENTITY b "cccc"><!ENTITY d "&b;&b;&b;&b;">]><Delete>&d;</Delete>',
            b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><Delete><Object><Key>&b;</Key></Object></Delete>',
        )
    ),
)


@pytest.fixture(scope="module")
def s3_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    root: Path = tmp_path_factory.mktemp("buckets")
    server = S3Server(root, "127.0.0.1", 0)
    yield asyncio.run_coroutine_threadsafe(server.start(), loop).result(20)
    asyncio.run_coroutine_threadsafe(server.stop(), loop).result(20)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    assert [path.name for path in root.iterdir() if path.name != ".staging"] >= ["my-s3-bucket"]


@st.composite
def s3_requests(draw: st.DrawFn, port: int) -> tuple[bytes, bool]:
    """Most of them signed, so that more than the signature is looked at."""
    verb, body = draw(verbs), draw(documents)
    bucket = draw(st.sampled_from(("my-s3-bucket", "my-s3-bucket", "", "other", "..", ".staging", "ü")))
    path = quote(f"/{bucket}/{draw(keys)}", safe="/~")
    query = urlencode(draw(st.lists(st.tuples(st.sampled_from(OPERATIONS), texts), max_size=3)))
    more = draw(
        st.lists(
            st.tuples(
                st.sampled_from(
                    ("Range", "If-Match", "If-None-Match", "x-amz-copy-source", "If-Modified-Since")
                ),
                st.sampled_from(
                    ("bytes=0-1", "bytes=5-1", "bytes=a-b", "*", '"x"', "/my-s3-bucket/a", "/../x", "%zz")
                ),
            ),
            max_size=2,
        )
    )
    request = AWSRequest(verb, f"http://localhost:{port}{path}?{query}", dict(more), body)
    SigV4Auth(Credentials("minio", "miniostorage"), "s3", "us-east-1").add_auth(request)
    headers = [(b"Host", f"localhost:{port}".encode()), (b"Content-Length", str(len(body)).encode())]
    headers += [(name.encode(), str(value).encode()) for name, value in request.headers.items()]
    if draw(st.integers(0, 9)) == 0:
        headers = [(name, value[: draw(st.integers(0, len(value)))]) for name, value in headers]
    return compose(verb, f"{path}?{query}".encode(), headers, body), verb == "HEAD"


def poke_s3(port: int, number: Any) -> None:
    @number
    @given(s3_requests(port))
    def each(request: tuple[bytes, bool]) -> None:
        answer = send(port, *request)
        check(answer, request[0])
        assert answer.status != 500, (answer, request[0])
        assert b"root:" not in answer.body

    each()


def test_any_s3_request_is_answered(s3_port: int) -> None:
    poke_s3(s3_port, examples(300))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_any_s3_request_is_answered_in_depth(s3_port: int) -> None:
    poke_s3(s3_port, deeply(20_000))
