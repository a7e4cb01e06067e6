"""One read from an S3 endpoint by a signed URL, with the standard library alone.

The signature is AWS's version 4 for query strings; the keys are those of the real sandbox's MinIO.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import time
from urllib.parse import quote, urlencode, urlsplit

ACCESS_KEY = "minio"
SECRET_KEY = "miniostorage"  # noqa: S105 - the published key of every local Flyte sandbox
REGION = "us-east-1"
CALL_SECONDS = 5.0
_ALGORITHM = "AWS4-HMAC-SHA256"


def read(port: int, address: str) -> bytes:
    """The content of ``s3://bucket/key`` at the S3 endpoint on this machine's ``port``.

    :raises ConnectionError: when it does not answer with the content.
    """
    parts = urlsplit(address)
    target = signed_target(f"localhost:{port}", f"/{parts.netloc}{parts.path}", time.gmtime())
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=CALL_SECONDS)
    try:
        connection.request("GET", target, headers={"Host": f"localhost:{port}"})
        response = connection.getresponse()
        content = response.read()
    except http.client.HTTPException as error:
        raise ConnectionError(f"port {port} does not speak HTTP: {error!r}") from error
    finally:
        connection.close()
    if response.status != http.HTTPStatus.OK:
        raise ConnectionError(f"the S3 endpoint answered {response.status}: {content[:200]!r}")
    return content


def signed_target(host: str, path: str, now: time.struct_time) -> str:
    """Path and query of a GET that is valid for a minute."""
    moment, day = time.strftime("%Y%m%dT%H%M%SZ", now), time.strftime("%Y%m%d", now)
    scope = f"{day}/{REGION}/s3/aws4_request"
    path = quote(path, safe="/-_.~")
    query = urlencode(
        {
            "X-Amz-Algorithm": _ALGORITHM,
            "X-Amz-Credential": f"{ACCESS_KEY}/{scope}",
            "X-Amz-Date": moment,
            "X-Amz-Expires": "60",
            "X-Amz-SignedHeaders": "host",
        },
        quote_via=quote,
        safe="-_.~",
    )
    request = "\n".join(["GET", path, query, f"host:{host}\n", "host", "UNSIGNED-PAYLOAD"])
    text = "\n".join([_ALGORITHM, moment, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = f"AWS4{SECRET_KEY}".encode()
    for step in (day, REGION, "s3", "aws4_request"):
        key = _sign(key, step)
    return f"{path}?{query}&X-Amz-Signature={_sign(key, text).hex()}"


def _sign(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
