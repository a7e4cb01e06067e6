"""The one family of errors. The gRPC interceptor and the HTTP gateway alone turn them into status codes.

A failing user task is data (``core.ExecutionError``), never one of these.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from google.protobuf.message import Message


MAX_MESSAGE_BYTES = 32_000
"""Of an error that is sent to a client."""


class SandboxError(Exception):
    """A refusal with a gRPC code.

    :param message: what failed, on which identifier, and what to do next.
    :param details: messages for ``grpc-status-details-bin``, packed as ``Any`` at the edge.
    """

    code = "INTERNAL"
    """The canonical name of the gRPC code, as in ``grpc.StatusCode``."""

    def __init__(self, message: str, *details: Message) -> None:
        super().__init__(message)
        self.message = message
        self.details = details

    def shortened(self) -> SandboxError:
        """What a client is told: a message too long for a header is cut and loses its details.

        Source: flyteadmin pkg/rpc/adminservice/util/transformers.go.
        """
        text = self.message.encode(errors="replace")
        if len(text) <= MAX_MESSAGE_BYTES:
            return self
        cut = SandboxError(text[:MAX_MESSAGE_BYTES].decode(errors="ignore"))
        cut.code = self.code
        return cut


class InvalidArgument(SandboxError):
    code = "INVALID_ARGUMENT"


class NotFound(SandboxError):
    code = "NOT_FOUND"


class AlreadyExists(SandboxError):
    code = "ALREADY_EXISTS"


class FailedPrecondition(SandboxError):
    code = "FAILED_PRECONDITION"


class PermissionDenied(SandboxError):
    code = "PERMISSION_DENIED"


class ResourceExhausted(SandboxError):
    code = "RESOURCE_EXHAUSTED"


class DiskFull(ResourceExhausted):
    """There is no room. Nothing was changed, and the same succeeds once there is."""

    def __init__(self) -> None:
        super().__init__("the disk is full and nothing was changed; make room, then try again")


class Unimplemented(SandboxError):
    code = "UNIMPLEMENTED"


class Unavailable(SandboxError):
    """The same succeeds later."""

    code = "UNAVAILABLE"


class Internal(SandboxError):
    code = "INTERNAL"


PASSING = (DiskFull, Unavailable)
"""What says nothing about the request: whoever can wait tries again."""


def is_full_disk(exc: BaseException) -> bool:
    """Whether a file could not be written for want of room, or of what its owner may have."""
    return isinstance(exc, OSError) and exc.errno in (errno.ENOSPC, errno.EDQUOT)


def passes(exc: BaseException) -> bool:
    """Whether nothing is wrong but that it is too early."""
    return isinstance(exc, PASSING) or is_full_disk(exc)


class StartupError(Exception):
    """The sandbox cannot start; the message names the setting or the port, and the way out."""
