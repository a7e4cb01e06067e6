"""What ``flow`` may ask of a kind of node."""

from __future__ import annotations

from flyteidl.core import literals_pb2

from flyte_sandbox.engine.deciding.step import Step
from flyte_sandbox.engine.model import ExecutionError, NodeRun


class Kind:
    """The inputs are resolved and written when ``start`` is called.

    :cvar counts_to_parallelism: whether the node takes a place under ``max_parallelism``.
    """

    counts_to_parallelism = False

    def start(self, step: Step, node: NodeRun) -> None:
        raise NotImplementedError

    def resume(self, step: Step, node: NodeRun) -> None:
        """Go on after a restart, with the node's phase and notes as they were written."""
        raise NotImplementedError

    def open(self, node: NodeRun) -> None:
        """Give a node that has nodes inside its scope again after a restart; the others have none."""

    def begin_again(self, step: Step, node: NodeRun) -> None:
        """The next attempt, after one that is over; nothing of that one counts any more."""
        raise AssertionError(f"{type(self).__name__} is never tried again")

    def stop(self, step: Step, node: NodeRun) -> None:
        """Bring the node to ABORTED, now or when what it runs has ended; ``node.stopping`` says why."""
        raise NotImplementedError

    def element_ended(self, step: Step, node: NodeRun, element: NodeRun) -> None:
        raise AssertionError(f"{type(self).__name__} has no elements")

    def child_succeeded(self, step: Step, node: NodeRun, outputs: literals_pb2.LiteralMap) -> None:
        raise AssertionError(f"{type(self).__name__} has no nodes inside")

    def child_failed(self, step: Step, node: NodeRun, error: ExecutionError | None) -> None:
        raise AssertionError(f"{type(self).__name__} has no nodes inside")
