"""Whether a request was signed with our keys. Source: Amazon S3 API reference, AWS Signature Version 4."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from urllib.parse import quote, unquote, unquote_to_bytes

from flyte_sandbox.clock import Clock
from flyte_sandbox.web.s3.errors import S3Error

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
STREAMING = "STREAMING-"
"""What the payload's hash starts with when the body comes in signed or checked pieces."""

_SKEW = timedelta(minutes=15)
_MAX_EXPIRES_SECONDS = 7 * 24 * 3600
_DATE = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class Keys:
    access_key: str
    secret_key: str


@dataclass(frozen=True)
class Signed:
    """What a good signature says about the body.

    :param payload: its SHA-256 in hex, ``UNSIGNED-PAYLOAD``, or ``STREAMING-…``.
    :param key: signs the pieces of a streamed body, ``scope``, ``date`` and ``signature`` begin their chain.
    """

    payload: str
    key: bytes
    scope: str
    date: str
    signature: str


@dataclass(frozen=True)
class _Claim:
    """A signature as it came, before it is believed."""

    access_key: str
    scope: str
    signed_headers: tuple[str, ...]
    signature: str
    date: str
    payload: str
    query: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class SignedRequest:
    """The parts of a request that a signature covers.

    :param raw_path: percent-encoded, as it came.
    :param headers: names in lower case, in their order.
    """

    method: str
    raw_path: bytes
    query: str
    headers: tuple[tuple[str, str], ...]

    def header(self, name: str) -> str:
        """:return: all values of the name, as one."""
        return ",".join(" ".join(value.split()) for key, value in self.headers if key == name)


def verify(request: SignedRequest, keys: Keys, clock: Clock) -> Signed:
    """:raises S3Error: when it was not signed with these keys, for this, now."""
    query = tuple(pairs_of(request.query))
    names = dict(query)
    claim = _from_query(names, query) if "X-Amz-Signature" in names else _from_header(request, query)
    if claim.access_key != keys.access_key:
        raise S3Error("InvalidAccessKeyId", "The access key Id you provided does not exist in our records.")
    _check_time(claim, names, clock.now())
    key = _signing_key(keys.secret_key, claim.scope)
    wanted = _hex(key, _string_to_sign(claim, request))
    if not hmac.compare_digest(wanted, claim.signature):
        raise S3Error("SignatureDoesNotMatch", "The request signature does not match the one we calculated.")
    return Signed(claim.payload, key, claim.scope, claim.date, claim.signature)


def piece_signature(signed: Signed, kind: str, previous: str, *digests: str) -> str:
    """The signature of one piece of a streamed body, which covers the one before.

    :param kind: ``PAYLOAD`` or ``TRAILER``.
    """
    text = "\n".join((f"{ALGORITHM}-{kind}", signed.date, signed.scope, previous, *digests))
    return _hex(signed.key, text)


def _from_header(request: SignedRequest, query: tuple[tuple[str, str], ...]) -> _Claim:
    text = request.header("authorization")
    if not text:
        raise S3Error("AccessDenied", "Access Denied. Sign the request with the endpoint's keys.")
    fields = dict(re.findall(r"(Credential|SignedHeaders|Signature)=([^,\s]+)", text))
    if not text.startswith(ALGORITHM) or len(fields) != 3:
        raise S3Error("AuthorizationHeaderMalformed", f"The authorization header is no {ALGORITHM} one.")
    access_key, scope = _credential(fields["Credential"])
    return _Claim(
        access_key=access_key,
        scope=scope,
        signed_headers=_signed_headers(fields["SignedHeaders"]),
        signature=fields["Signature"],
        date=request.header("x-amz-date"),
        payload=request.header("x-amz-content-sha256") or UNSIGNED,
        query=query,
    )


def _from_query(names: Mapping[str, str], query: tuple[tuple[str, str], ...]) -> _Claim:
    if names.get("X-Amz-Algorithm") != ALGORITHM:
        raise S3Error("AuthorizationHeaderMalformed", f"The query is not signed by {ALGORITHM}.")
    access_key, scope = _credential(names.get("X-Amz-Credential", ""))
    return _Claim(
        access_key=access_key,
        scope=scope,
        signed_headers=_signed_headers(names.get("X-Amz-SignedHeaders", "")),
        signature=names["X-Amz-Signature"],
        date=names.get("X-Amz-Date", ""),
        payload=UNSIGNED,
        query=tuple(pair for pair in query if pair[0] != "X-Amz-Signature"),
    )


def _credential(text: str) -> tuple[str, str]:
    """:return: access key and scope. Any region will do, as with MinIO when none is configured."""
    access_key, _, scope = text.partition("/")
    parts = scope.split("/")
    if len(parts) != 4 or parts[2:] != ["s3", "aws4_request"]:
        raise S3Error("AuthorizationHeaderMalformed", f"The credential [{text}] is malformed.")
    return access_key, scope


def _signed_headers(text: str) -> tuple[str, ...]:
    names = tuple(text.split(";"))
    if "host" not in names:  # else a signature would be good for any other server too
        raise S3Error("AuthorizationHeaderMalformed", "The host header must be signed.")
    return names


def _check_time(claim: _Claim, names: Mapping[str, str], now: datetime) -> None:
    try:
        signed_at = datetime.strptime(claim.date, _DATE).replace(tzinfo=timezone.utc)
        expires = int(names["X-Amz-Expires"]) if "X-Amz-Signature" in names else None
    except (ValueError, KeyError) as exc:
        raise S3Error("AuthorizationHeaderMalformed", "The date or the expiry is malformed.") from exc
    if claim.date[:8] != claim.scope[:8]:
        raise S3Error("AuthorizationHeaderMalformed", "The date is not the one of the credential.")
    if expires is not None and not 0 < expires <= _MAX_EXPIRES_SECONDS:
        raise S3Error("AuthorizationHeaderMalformed", "X-Amz-Expires must be between 1 second and 7 days.")
    if expires is not None and now > signed_at + timedelta(seconds=expires):
        raise S3Error("AccessDenied", "Request has expired")
    if signed_at - now > _SKEW or (expires is None and now - signed_at > _SKEW):
        raise S3Error("RequestTimeTooSkewed", "The request's time is too far from the server's.")


def _string_to_sign(claim: _Claim, request: SignedRequest) -> str:
    headers = "".join(f"{name}:{request.header(name)}\n" for name in claim.signed_headers)
    canonical = "\n".join(
        (
            request.method,
            quote(unquote_to_bytes(request.raw_path), safe="/-_.~"),
            _canonical_query(claim.query),
            headers,
            ";".join(claim.signed_headers),
            claim.payload,
        )
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    return "\n".join((ALGORITHM, claim.date, claim.scope, digest))


def _canonical_query(query: Iterable[tuple[str, str]]) -> str:
    encoded = ((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in query)
    return "&".join(f"{name}={value}" for name, value in sorted(encoded))


def pairs_of(query: str) -> Iterable[tuple[str, str]]:
    """Names and values, decoded; a plus is a plus here."""
    for field in filter(None, query.split("&")):
        name, _, value = field.partition("=")
        yield unquote(name), unquote(value)


def _signing_key(secret: str, scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def _hex(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
