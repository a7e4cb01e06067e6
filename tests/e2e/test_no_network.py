"""After installation no network is needed: ``up``, a Dag run and ``down`` work with loopback alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .harness.stack import Stack

LOOPBACK_ONLY = Path(__file__).with_name("loopback_only.py")
AS_ROOT = ["unshare", "--net"]
AS_ANYBODY = ["unshare", "--map-current-user", "--keep-caps", "--net"]
ALONE = [*(AS_ROOT if os.getuid() == 0 else AS_ANYBODY), "/usr/bin/python3", str(LOOPBACK_ONLY)]


def can_be_alone() -> bool:
    """Whether this machine lets us have a network of our own."""
    return subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's network namespaces")
@pytest.mark.skipif(not can_be_alone(), reason="this machine gives nobody a network namespace")
def test_the_stack_comes_up_runs_and_stops_with_loopback_alone(stack: Stack) -> None:
    stack.down()
    day = stack.checkout.type(
        [*ALONE, "/bin/sh", "-ec", "make up; make demo ARGS=hello_flyte; make down"], AIRFLYTE_DEMO="0"
    ).check()

    assert "hello_flyte success" in day.output
    assert not stack.processes
