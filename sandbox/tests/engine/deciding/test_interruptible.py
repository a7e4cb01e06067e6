"""Who is said to run on machines that can be taken away."""

from __future__ import annotations

import pytest
from flyteidl.admin import execution_pb2
from flyteidl.event import event_pb2
from google.protobuf.wrappers_pb2 import BoolValue

from flyte_sandbox.engine.model import ExecutionError

from ..graphs import Stepper, task_node, template

INTERRUPTIBLE = event_pb2.TaskExecutionMetadata.INTERRUPTIBLE
DEFAULT = event_pb2.TaskExecutionMetadata.DEFAULT


def classes(run: Stepper) -> list[int]:
    """Of the attempts, in their order."""
    queued = [one for one in run.events if isinstance(one, event_pb2.TaskExecutionEvent)]
    return [one.metadata.instance_class for one in queued if one.HasField("metadata")]


def of(node: bool | None, execution: bool | None, workflow: bool) -> Stepper:
    one = task_node("n0", ("", "text"))
    if node is not None:
        one.metadata.interruptible = node
    graph = template([one], ("n0", "o0"))
    graph.metadata_defaults.interruptible = workflow
    spec = execution_pb2.ExecutionSpec()
    if execution is not None:
        spec.interruptible.CopyFrom(BoolValue(value=execution))
    run = Stepper(graph, spec=spec)
    run.begin()
    return run


@pytest.mark.parametrize(
    ("node", "execution", "workflow", "expected"),
    [
        (None, None, False, DEFAULT),
        (None, None, True, INTERRUPTIBLE),
        (None, False, True, DEFAULT),
        (None, True, False, INTERRUPTIBLE),
        (False, True, True, DEFAULT),
        (True, False, False, INTERRUPTIBLE),
    ],
)
def test_the_node_says_else_the_execution_else_the_workflow(
    node: bool | None, execution: bool | None, workflow: bool, expected: int
) -> None:
    assert classes(of(node, execution, workflow)) == [expected]


def test_the_last_attempt_after_failures_of_the_system_is_not_interruptible() -> None:
    run = of(True, None, False)
    for attempt in range(3):
        run.fail("n0", attempt, recoverable=True, kind=ExecutionError.SYSTEM)
    assert classes(run) == [INTERRUPTIBLE, INTERRUPTIBLE, INTERRUPTIBLE, DEFAULT]
