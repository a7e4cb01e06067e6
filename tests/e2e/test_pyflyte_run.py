"""The stock client, without any option of its own, runs hello world within five seconds."""

from __future__ import annotations

import subprocess
import time

from .harness.stack import Stack

LIMIT_SECONDS = 5.0
TRIES = 3
COMMAND = ["pyflyte", "run", "--remote", "--wait", "basics/hello_world.py", "hello_wf"]


def test_pyflyte_run_of_hello_world_returns_within_five_seconds(stack: Stack) -> None:
    assert min(run_hello(stack) for _ in range(TRIES)) <= LIMIT_SECONDS


def run_hello(stack: Stack) -> float:
    """Run it as somebody does who has typed ``make shell``.

    :return: how long it took, in seconds.
    """
    environment = stack.shell_environment
    started = time.monotonic()
    done = subprocess.run(
        ["/usr/bin/env", *COMMAND],
        cwd=stack.checkout.path / "workflows",
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    seconds = time.monotonic() - started
    assert done.returncode == 0, done.stdout + done.stderr
    assert "has succeeded" in done.stdout, done.stdout
    return seconds
