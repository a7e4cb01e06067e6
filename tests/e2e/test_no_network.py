"""After installation no network is needed: ``up``, a Dag run and ``down`` work with loopback alone."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

import pytest

from .harness.stack import Stack

LOOPBACK_ONLY = Path(__file__).with_name("loopback_only.py")
AS_ROOT = ["unshare", "--net"]
AS_ANYBODY = ["unshare", "--map-current-user", "--keep-caps", "--net"]
ALONE = [*(AS_ROOT if os.getuid() == 0 else AS_ANYBODY), "/usr/bin/python3", str(LOOPBACK_ONLY)]


def test_the_stack_comes_up_runs_and_stops_with_loopback_alone(stack: Stack) -> None:
    if not can_be_alone():
        pytest.skip("this machine gives us no network namespace of our own")
    stack.down()
    day = stack.checkout.type(
        [*ALONE, "/bin/sh", "-ec", "make up; make demo ARGS=hello_flyte; make down"], AIRFLYTE_DEMO="0"
    ).check()

    assert "hello_flyte success" in day.output
    assert not stack.processes


def can_be_alone() -> bool:
    """Whether this machine lets us have a network of our own."""
    with contextlib.suppress(FileNotFoundError):  # no Linux
        return subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode == 0
    return False
