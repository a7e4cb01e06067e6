"""What happens beyond a node's deadlines: it is stopped, and then tried again, failed or timed out. Pure.

Source: flytepropeller pkg/controller/nodes/executor.go execute, handleRetryableFailure.
"""

from __future__ import annotations

from flyte_sandbox.engine.deciding import deadlines, flow
from flyte_sandbox.engine.deciding.nodes import kind_of
from flyte_sandbox.engine.deciding.retrying import exhausted, may_retry
from flyte_sandbox.engine.deciding.step import Step
from flyte_sandbox.engine.failures import user_error
from flyte_sandbox.engine.messages import EXECUTION_DEADLINE, DeadlinePassed
from flyte_sandbox.engine.model import NodeRun


def passed(step: Step, node: NodeRun, message: DeadlinePassed) -> None:
    """An alarm has rung. It may have been set before the node's time was counted anew."""
    at = deadlines.due(node, message.which)
    if node.stopping or at is None or at > step.now:
        return
    node.expired = message.which
    step.note(node)
    _stop(step, node)


def stop_again(step: Step, node: NodeRun) -> None:
    """After a restart: it was being stopped when the server ended."""
    if node.expired and not node.is_terminal:
        _stop(step, node)


def _stop(step: Step, node: NodeRun) -> None:
    node.stopping = deadlines.describe(node, node.expired)
    kind_of(node).stop(step, node)


def ended(step: Step, node: NodeRun, **fields: object) -> None:
    """Nothing of the expired node runs any more.

    :param fields: more fields of the event that ends it, if one does.
    """
    which, text = node.expired, node.stopping
    node.expired = node.stopping = ""
    node.attempt_since = 0
    if which != EXECUTION_DEADLINE:
        flow.time_out(step, node, **fields)
        return
    error = user_error("TimeoutExpired", text)
    if may_retry(node, error):
        kind_of(node).begin_again(step, node)
    else:
        flow.fail(step, node, exhausted(node, error), **fields)
