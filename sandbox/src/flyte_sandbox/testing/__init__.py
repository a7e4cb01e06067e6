"""A sandbox for tests: a context manager here, pytest fixtures in ``fixtures``."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flyte_sandbox.config import SandboxConfig
from flyte_sandbox.sandbox import Sandbox

__all__ = ["Sandbox", "client_env", "running_sandbox"]


@contextmanager
def running_sandbox(
    state: Path | None = None, python: Path | None = None, **options: Any
) -> Iterator[Sandbox]:
    """A sandbox in this process, on a free port, ended with everything that it started.

    :param state: where it keeps its things; a temporary folder when None, removed at the end.
    :param python: the interpreter for tasks; this one when None.
    :param options: more fields of :class:`~flyte_sandbox.config.SandboxConfig`.
    """
    with tempfile.TemporaryDirectory(prefix="flyte-sandbox-", ignore_cleanup_errors=True) as folder:
        fields = {
            "state": state or Path(folder),
            "port": 0,
            "s3_port": 0,
            "environments": {"default": python or Path(sys.executable)},
            # A cold template takes longer than the usual patience, and flytekit then sleeps for 30 s.
            "first_look_seconds": 5.0,
            **options,
        }
        with Sandbox(SandboxConfig(**fields)) as sandbox:
            yield sandbox


def client_env(sandbox: Sandbox) -> Mapping[str, str]:
    """Variables that point flytekit, pyflyte and flytectl at a sandbox and at no configuration of the
    user.
    """
    return {
        "FLYTE_PLATFORM_URL": f"localhost:{sandbox.port}",
        "FLYTE_PLATFORM_INSECURE": "true",
        "FLYTECTL_CONFIG": "",
    }
