"""The app of the S3 endpoint: believes a signature, finds who answers, puts errors into words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import unquote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from flyte_sandbox.blobs.store import Store
from flyte_sandbox.clock import Clock
from flyte_sandbox.errors import InvalidArgument, is_full_disk
from flyte_sandbox.web.s3 import documents
from flyte_sandbox.web.s3.buckets import Buckets
from flyte_sandbox.web.s3.errors import S3Error
from flyte_sandbox.web.s3.objects import NotModified, Objects
from flyte_sandbox.web.s3.requests import Asked, query_of
from flyte_sandbox.web.s3.sigv2 import verify_link
from flyte_sandbox.web.s3.sigv4 import Keys, SignedRequest, verify
from flyte_sandbox.web.s3.uploads import Uploads

MINIO_KEYS = Keys("minio", "miniostorage")
"""The real sandbox's. Source: flyte docker/sandbox-bundled."""

Answer = Callable[[Asked], Awaitable[Response]]

_NOT_THERE = frozenset(
    (
        *("accelerate", "acl", "analytics", "attributes", "cors", "encryption", "intelligent-tiering"),
        *("inventory", "legal-hold", "lifecycle", "logging", "metrics", "notification", "object-lock"),
        *("ownershipControls", "policy", "policyStatus", "publicAccessBlock", "replication"),
        *("requestPayment", "restore", "retention", "select", "session", "tagging", "torrent"),
        *("versionId", "versions", "website"),
    )
)
"""Parts of S3 that say so in the query and that we do not have; a plain answer would be a wrong one."""


class Endpoint:
    """:param store: whose buckets are served."""

    def __init__(self, store: Store, clock: Clock, keys: Keys = MINIO_KEYS) -> None:
        self._keys = keys
        self._clock = clock
        objects = Objects(store)
        buckets, uploads = Buckets(store, objects), Uploads(store, objects)
        self._service: dict[str, Answer] = {"GET": buckets.list_buckets, "HEAD": buckets.list_buckets}
        self._of_bucket: list[tuple[str, str, Answer]] = [
            ("GET", "location", buckets.location),
            ("GET", "versioning", buckets.versioning),
            ("GET", "uploads", uploads.list_uploads),
            ("GET", "list-type", buckets.list_objects_v2),
            ("GET", "", buckets.list_objects),
            ("HEAD", "", buckets.head),
            ("PUT", "", buckets.create),
            ("DELETE", "", buckets.delete),
            ("POST", "delete", buckets.delete_objects),
        ]
        self._of_object: list[tuple[str, str, Answer]] = [
            ("GET", "uploadId", uploads.list_parts),
            ("GET", "", objects.get),
            ("HEAD", "", objects.get),
            ("PUT", "uploadId", _by_source(uploads.put_part, uploads.copy_part)),
            ("PUT", "", _by_source(objects.put, objects.copy)),
            ("DELETE", "uploadId", uploads.abort),
            ("DELETE", "", objects.delete),
            ("POST", "uploads", uploads.create),
            ("POST", "uploadId", uploads.complete),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            response = await self._answer(Request(scope, receive))
            await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        try:
            asked = self._believe(request)
            return await self._find(asked)(asked)
        except NotModified:
            return Response(status_code=304)
        except ClientDisconnect:
            return Response(status_code=400)
        except (
            InvalidArgument
        ) as exc:  # the store's: a folder where an object should be, or the other way round
            return _error(request, S3Error("XMinioParentIsObject", exc.message))
        except S3Error as exc:
            return _error(request, exc)
        except OSError as exc:
            if is_full_disk(exc):
                return _error(
                    request, S3Error("XMinioStorageFull", "The disk is full. Make room, then try again.")
                )
            raise

    def _believe(self, request: Request) -> Asked:
        raw_path: bytes = request.scope["raw_path"]
        pairs = tuple(
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in request.scope["headers"]
        )
        query = request.scope["query_string"].decode("latin-1")
        check = verify_link if "AWSAccessKeyId=" in query else verify
        signed = check(SignedRequest(request.method, raw_path, query, pairs), self._keys, self._clock)
        path = unquote(raw_path.decode("latin-1"), errors="surrogateescape")
        bucket, _, key = path.removeprefix("/").partition("/")
        return Asked(request, bucket, key, query_of(request), dict(pairs), signed)

    def _find(self, asked: Asked) -> Answer:
        """:raises S3Error: for what nobody answers."""
        absent = _NOT_THERE & asked.query.keys()
        if absent:
            raise S3Error("NotImplemented", f"{', '.join(sorted(absent))}: not implemented here")
        method = asked.request.method
        table = self._of_object if asked.key else self._of_bucket
        answers = [
            answer for verb, name, answer in table if verb == method and (not name or name in asked.query)
        ]
        if not asked.bucket:
            answers = [self._service[method]] if method in self._service else []
        if not answers:
            raise S3Error("MethodNotAllowed", "The specified method is not allowed against this resource.")
        return answers[0]


def _by_source(plain: Answer, copying: Answer) -> Answer:
    async def answer(asked: Asked) -> Response:
        return await (copying if "x-amz-copy-source" in asked.headers else plain)(asked)

    return answer


def _error(request: Request, error: S3Error) -> Response:
    body = (
        b"" if request.method == "HEAD" else documents.error(error.code, error.message, request.scope["path"])
    )
    return Response(body, error.status, media_type=documents.MEDIA_TYPE)
