"""Two checkouts are up at once on different ports; what is done in one does not touch the other."""

from __future__ import annotations

from .harness.stack import Stack

HELLO = "basics.hello_world.hello_wf"


def test_two_stacks_run_side_by_side(stack: Stack, second_stack: Stack) -> None:
    second_stack.up()
    assert stack.is_ready
    assert second_stack.is_ready

    mine = stack.flyte.launch(HELLO, name="first")
    theirs = second_stack.flyte.launch(HELLO, name="second")
    assert (mine.wait(), theirs.wait()) == ("SUCCEEDED", "SUCCEEDED")
    assert mine.outputs == {"o0": "Hello, first!"}
    assert theirs.outputs == {"o0": "Hello, second!"}
    assert theirs.name not in stack.flyte.executions()
    assert mine.name not in second_stack.flyte.executions()

    second_stack.down()
    assert stack.is_ready
