"""The stock client, without any option of its own, runs hello world within five seconds."""

from __future__ import annotations

from pathlib import Path

from .harness.stack import Stack

LIMIT_SECONDS = 5.0
TRIES = 3


def test_pyflyte_run_of_hello_world_returns_within_five_seconds(stack: Stack, tmp_path: Path) -> None:
    assert min(run_hello(stack, tmp_path) for _ in range(TRIES)) <= LIMIT_SECONDS


def run_hello(stack: Stack, temporary: Path) -> float:
    """Run it as somebody does who has typed ``make shell``.

    :param temporary: where flytekit leaves what it does not need any more.
    :return: how long it took, in seconds.
    """
    command = ["pyflyte", "run", "--remote", "--wait", "basics/hello_world.py", "hello_wf"]
    folder = stack.checkout.path / "workflows"
    done = stack.type_in_shell(*command, folder=folder, TMPDIR=str(temporary)).check()
    assert "has succeeded" in done.output, done.output
    return done.seconds
