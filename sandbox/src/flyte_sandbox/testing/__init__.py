"""A Flyte for tests: in the test's process (``running``), or one that runs already (``endpoint``); pytest's
fixtures are in ``fixtures``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol

from flyte_sandbox.engine.tasks.platform_env import S3_ACCESS_KEY, S3_SECRET_KEY
from flyte_sandbox.sandbox import Sandbox
from flyte_sandbox.testing.control import SkipError, skip
from flyte_sandbox.testing.endpoint import EndpointSandbox
from flyte_sandbox.testing.running import TestSandbox, running_sandbox

__all__ = [
    "EndpointSandbox",
    "FlyteUnderTest",
    "Sandbox",
    "SkipError",
    "TestSandbox",
    "client_env",
    "running_sandbox",
    "skip",
]


class FlyteUnderTest(Protocol):
    """What a test may ask of the Flyte that it runs against, wherever that runs."""

    @property
    def endpoint(self) -> str:
        """``host:port`` of gRPC and HTTP, without TLS."""

    @property
    def public_url(self) -> str:
        """Where the console is."""

    @property
    def s3_endpoint(self) -> str:
        """A URL; empty when there is none."""

    def skip(self, span: timedelta) -> datetime:
        """Let time pass at once.

        :return: the server's new time.
        """


def client_env(sandbox: FlyteUnderTest) -> Mapping[str, str]:
    """Variables that point flytekit, pyflyte and flytectl at a sandbox and at no configuration of the
    user.
    """
    env = {
        "FLYTE_PLATFORM_URL": sandbox.endpoint,
        "FLYTE_PLATFORM_INSECURE": "true",
        "FLYTECTL_CONFIG": "",
    }
    if not sandbox.s3_endpoint:
        return env
    return env | {
        "FLYTE_AWS_ENDPOINT": sandbox.s3_endpoint,
        "FLYTE_AWS_ACCESS_KEY_ID": S3_ACCESS_KEY,
        "FLYTE_AWS_SECRET_ACCESS_KEY": S3_SECRET_KEY,
    }
