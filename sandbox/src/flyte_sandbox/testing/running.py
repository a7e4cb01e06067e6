"""A sandbox inside the test's own process, on free ports, whose time can be skipped."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from flyte_sandbox.clock import SkippingClock
from flyte_sandbox.config import SandboxConfig
from flyte_sandbox.sandbox import Sandbox
from flyte_sandbox.testing.s3 import S3Thread


class TestSandbox(Sandbox):
    """A :class:`~flyte_sandbox.sandbox.Sandbox` with a clock that runs, and moves on when told.

    :param clock: give the one of an earlier sandbox to a later one on the same state folder: time does not go
        back.
    """

    __test__ = False  # not a class of tests, whatever pytest makes of the name

    def __init__(self, config: SandboxConfig, clock: SkippingClock | None = None) -> None:
        self._skipping = clock or SkippingClock()
        super().__init__(config, self._skipping)

    @property
    def clock(self) -> SkippingClock:
        return self._skipping

    @property
    def endpoint(self) -> str:
        """``host:port`` of gRPC and HTTP, without TLS."""
        return f"localhost:{self.port}"

    @property
    def s3_endpoint(self) -> str:
        """A URL; empty when there is none."""
        return f"http://localhost:{self.config.s3_port}" if self.config.s3_port else ""

    def skip(self, span: timedelta) -> datetime:
        """Let time pass at once: schedules, sleeping and waiting gates, timeouts, delays of retries.

        What fell due is done by the server's threads, as ever: wait for what you expect. Tasks that run are
        processes, which have their own clock.

        :return: the server's new time.
        """
        return self._skipping.skip(span)


@contextmanager
def running_sandbox(
    state: Path | None = None,
    python: Path | None = None,
    clock: SkippingClock | None = None,
    **options: Any,
) -> Iterator[TestSandbox]:
    """A sandbox in this process, on free ports, ended with everything that it started.

    :param state: where it keeps its things; a temporary folder when None, removed at the end.
    :param python: the interpreter for tasks; this one when None.
    :param clock: see :class:`TestSandbox`.
    :param options: more fields of :class:`~flyte_sandbox.config.SandboxConfig`. Without ``s3_port`` an S3
        endpoint is started beside it.
    :raises StartupError: in one sentence, why it cannot start.
    """
    with ExitStack() as stack:
        # Absolute: tasks are told of it, and have another current folder.
        folder = (state or Path(stack.enter_context(_temporary_folder()))).absolute()
        fields: dict[str, Any] = {
            "state": folder,
            "port": 0,
            "environments": {"default": python or Path(sys.executable)},
            # A cold template takes longer than the usual patience, and flytekit then sleeps for 30 s.
            "first_look_seconds": 5.0,
            **options,
        }
        given = fields["environments"]
        fields["environments"] = {name: Path(interpreter).absolute() for name, interpreter in given.items()}
        if "s3_port" not in fields:
            fields["s3_port"] = _start_s3(stack, folder)
        yield stack.enter_context(TestSandbox(SandboxConfig(**fields), clock))


def _temporary_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="flyte-sandbox-", ignore_cleanup_errors=True)


def _start_s3(stack: ExitStack, state: Path) -> int:
    s3 = S3Thread(SandboxConfig(state=state).buckets)
    port = s3.start()
    stack.callback(s3.stop)
    return port
