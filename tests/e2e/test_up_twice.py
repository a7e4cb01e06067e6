"""``up`` brings everything to ready, and typed again it finds that and returns at once."""

from __future__ import annotations

from .harness.stack import Stack

AT_ONCE_SECONDS = 5


def test_a_second_up_returns_at_once_and_touches_nothing(stack: Stack) -> None:
    before = stack.processes

    again = stack.up()

    assert again.seconds < AT_ONCE_SECONDS, again.output
    assert before.keys() <= stack.processes.keys(), "something was started anew"
    assert stack.status()["status"] == "ready"
