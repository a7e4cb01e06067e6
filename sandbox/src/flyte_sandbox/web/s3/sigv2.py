"""Links signed the older way, which is what boto3 makes for an endpoint of one's own unless told otherwise.

Source: Amazon S3 developer guide, Signing and authenticating REST requests (query string authentication).
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from flyte_sandbox.clock import Clock
from flyte_sandbox.web.s3.errors import S3Error
from flyte_sandbox.web.s3.sigv4 import UNSIGNED, Keys, Signed, SignedRequest, pairs_of

_SIGNED_FIELDS = frozenset(
    (
        *("accelerate", "acl", "cors", "delete", "inventory", "lifecycle", "location", "logging", "metrics"),
        *("notification", "object-lock", "partNumber", "policy", "replication", "requestPayment", "restore"),
        *("select", "select-type", "storageClass", "tagging", "torrent", "uploadId", "uploads", "versionId"),
        *("versioning", "versions", "website", "analytics", "defaultObjectAcl"),
        *("response-cache-control", "response-content-disposition", "response-content-encoding"),
        *("response-content-language", "response-content-type", "response-expires"),
    )
)


def verify_link(request: SignedRequest, keys: Keys, clock: Clock) -> Signed:
    """:raises S3Error: when it was not signed with these keys, for this, until later than now."""
    query = dict(pairs_of(request.query))
    if query.get("AWSAccessKeyId") != keys.access_key:
        raise S3Error("InvalidAccessKeyId", "The access key Id you provided does not exist in our records.")
    text = _string_to_sign(request, query).encode()
    wanted = base64.b64encode(hmac.new(keys.secret_key.encode(), text, hashlib.sha1).digest())
    if not hmac.compare_digest(wanted, query.get("Signature", "").encode()):
        raise S3Error("SignatureDoesNotMatch", "The request signature does not match the one we calculated.")
    expires = query.get("Expires", "")
    if not expires.isdecimal() or int(expires) <= clock.now().timestamp():
        raise S3Error("AccessDenied", "Request has expired")
    return Signed(UNSIGNED, b"", "", "", "")


def _string_to_sign(request: SignedRequest, query: dict[str, str]) -> str:
    amz = {name: value for name, value in query.items() if name.startswith("x-amz-")}
    amz |= {name: request.header(name) for name, _ in request.headers if name.startswith("x-amz-")}
    lines = [
        request.method,
        *(query.get(name) or request.header(name) for name in _HEADERS),
        query.get("Expires", ""),
    ]
    return "\n".join((*lines, *(f"{name}:{amz[name]}" for name in sorted(amz)), _resource(request, query)))


_HEADERS = ("content-md5", "content-type")


def _resource(request: SignedRequest, query: dict[str, str]) -> str:
    fields = [
        f"{name}={query[name]}" if query[name] else name for name in sorted(_SIGNED_FIELDS & query.keys())
    ]
    path = request.raw_path.decode("latin-1")
    return f"{path}?{'&'.join(fields)}" if fields else path
