"""A Flyte that runs already, named by its address: one of ours in the background, or any other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import grpc
from flyteidl.admin import version_pb2
from flyteidl.service import admin_pb2_grpc

from flyte_sandbox.errors import StartupError
from flyte_sandbox.testing.control import SkipError, skip

_SECONDS_TO_ANSWER = 5.0


@dataclass(frozen=True)
class EndpointSandbox:
    """:param endpoint: ``host:port`` of gRPC and HTTP, without TLS.

    :param s3_endpoint: a URL with the sandbox's keys; empty when there is none.
    :param state: its state folder, when it is a flyte-sandbox whose clock can be skipped.
    """

    endpoint: str
    s3_endpoint: str = "http://localhost:30002"
    state: Path | None = None

    @property
    def public_url(self) -> str:
        return f"http://{self.endpoint}"

    def check(self) -> None:
        """:raises StartupError: nobody answers there, or something else does."""
        try:
            with grpc.insecure_channel(self.endpoint) as channel:
                request = version_pb2.GetVersionRequest()
                admin_pb2_grpc.AdminServiceStub(channel).GetVersion(request, timeout=_SECONDS_TO_ANSWER)
        except grpc.RpcError as exc:
            raise StartupError(
                f"No Flyte answers at {self.endpoint} ({exc.code().name}: {exc.details()}). "
                "Start one there, for example with: flyte-sandbox up"
            ) from None

    def skip(self, span: timedelta) -> datetime:
        """As :meth:`flyte_sandbox.testing.TestSandbox.skip`.

        :raises SkipError: its state folder was not named, or it was started without ``--skippable-clock``.
        """
        if self.state is None:
            raise SkipError(
                f"The time of {self.endpoint} cannot be skipped: start it with --skippable-clock and name "
                "its state folder with --flyte-sandbox-state or AIRFLYTE_SANDBOX_STATE"
            )
        return skip(self.state, span)
