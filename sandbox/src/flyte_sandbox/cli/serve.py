"""Runs the server or the S3 endpoint in the foreground, as a supervisor wants it."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from flyte_sandbox.cli.interpreters import find_interpreter, find_uv
from flyte_sandbox.cli.listening import meaning
from flyte_sandbox.config import SandboxConfig
from flyte_sandbox.errors import StartupError

if TYPE_CHECKING:
    from flyte_sandbox.sandbox import Sandbox

MARK = "AIRFLYTE_STACK"
"""Every process of one stack carries this variable with the same value."""

_LOOK_SECONDS = 0.5

logger = logging.getLogger("flyte_sandbox")


def serve(parsed: argparse.Namespace) -> int:
    """Until SIGTERM or SIGINT, which end the tasks under way too; they begin again at the next start."""
    _log_to_stderr()
    # The server's children are other programs at once; gRPC would log a line for each of them.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    stop = _stop_event()
    sandbox = _make_sandbox(read_config(parsed), parsed.skippable_clock)
    sandbox.start()
    logger.info("flyte-sandbox answers at %s (gRPC and HTTP)", sandbox.public_url)
    if text := meaning(sandbox.config.host):
        logger.warning(text)
    while not stop.wait(_LOOK_SECONDS):
        # A signal may fall between Python's look for one and the wait, which nothing would end then.
        pass
    sandbox.stop()
    return 0


def _make_sandbox(config: SandboxConfig, is_skippable: bool) -> Sandbox:
    """:raises StartupError: time would go back in this state folder."""
    from flyte_sandbox.sandbox import Sandbox
    from flyte_sandbox.testing.control import SkippableSandbox, check_unskipped

    if is_skippable:
        return SkippableSandbox(config)
    check_unskipped(config.state)
    return Sandbox(config)


def serve_s3(parsed: argparse.Namespace) -> int:
    from flyte_sandbox.runner import TaskUsers
    from flyte_sandbox.web.s3.run import run_s3

    _log_to_stderr()
    if text := meaning(parsed.listen):
        logger.warning(text)
    state = parsed.state.resolve()
    buckets = SandboxConfig(state=state).buckets
    hosts = tuple(parsed.allowed_host)
    uids = TaskUsers(parsed.task_uid, ()).uids
    run_s3(buckets, parsed.listen, parsed.port, hosts, parsed.allow_other_users, uids)
    return 0


def read_config(parsed: argparse.Namespace) -> SandboxConfig:
    """:raises StartupError: for an option that makes no sense."""
    mark = os.environ.get(MARK)
    return SandboxConfig(
        state=parsed.state.resolve(),
        port=parsed.port,
        s3_port=parsed.s3_port,
        host=parsed.listen,
        database_url=parsed.database_url,
        environments=read_environments(parsed),
        images="strict" if parsed.strict_images else "lenient",
        uv=find_uv(parsed.uv),
        warm=not parsed.cold,
        resources=parsed.resources,
        secrets=parsed.secrets.resolve() if parsed.secrets else None,
        slots=parsed.slots,
        preload_after_seconds=parsed.preload_after,
        mark=(MARK, mark) if mark else None,
        task_uid=parsed.task_uid,
        allow_other_users=parsed.allow_other_users,
        allowed_hosts=tuple(parsed.allowed_host),
    )


def read_environments(parsed: argparse.Namespace) -> dict[str, Path]:
    """Interpreters by image name; the project's own one unless told otherwise."""
    environments = dict(_read_pair(pair) for pair in parsed.environment)
    if parsed.python:
        environments["default"] = parsed.python.absolute()
    if "default" not in environments:
        environments["default"] = find_interpreter(Path.cwd(), os.environ)
    for name, interpreter in environments.items():
        if not os.access(interpreter, os.X_OK):
            raise StartupError(f"The interpreter of environment '{name}' cannot be run: {interpreter}")
    return environments


def _read_pair(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise StartupError(f"--environment {text}: expected IMAGE=PYTHON, such as default=.venv/bin/python")
    return name, Path(path).absolute()


def _stop_event() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _log_to_stderr() -> None:
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    # One line per start and stop of a server inside ours says nothing to a user.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
