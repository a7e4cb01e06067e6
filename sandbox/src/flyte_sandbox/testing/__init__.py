"""A sandbox for tests: a context manager in ``running``, pytest fixtures in ``fixtures``."""

from __future__ import annotations

from collections.abc import Mapping

from flyte_sandbox.sandbox import Sandbox
from flyte_sandbox.testing.running import TestSandbox, running_sandbox

__all__ = ["Sandbox", "TestSandbox", "client_env", "running_sandbox"]


def client_env(sandbox: Sandbox) -> Mapping[str, str]:
    """Variables that point flytekit, pyflyte and flytectl at a sandbox and at no configuration of the
    user.
    """
    return {
        "FLYTE_PLATFORM_URL": f"localhost:{sandbox.port}",
        "FLYTE_PLATFORM_INSECURE": "true",
        "FLYTECTL_CONFIG": "",
    }
