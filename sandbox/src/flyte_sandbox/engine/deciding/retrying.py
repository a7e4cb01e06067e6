"""The two budgets of retries. Pure.

Failures of the user's side are counted against the retries of the node, or else of its task; those of
Flyte's own side against a budget of their own. Source: flytepropeller pkg/controller/nodes/executor.go
isEligibleForRetry, pkg/compiler/transformers/k8s/utils.go computeRetryStrategy.
"""

from __future__ import annotations

from flyte_sandbox.engine.model import ExecutionError, NodeRun

MAX_SYSTEM_FAILURES = 3
"""Source: flytepropeller's max-node-retries-system-failures."""


def max_attempts(node: NodeRun) -> int:
    """One more than the retries of the node, or else of its task."""
    return int(node.node.metadata.retries.retries or _retries_of_task(node)) + 1


def _retries_of_task(node: NodeRun) -> int:
    if not node.node.HasField("task_node"):
        return 0
    return int(node.scope.library.task(node.node.task_node.reference_id).metadata.retries.retries)


def count_failure(node: NodeRun, error: ExecutionError) -> None:
    """To be called once for each recoverable failure, before it is asked whether to retry."""
    node.system_failures += error.kind == ExecutionError.SYSTEM


def may_retry(node: NodeRun, error: ExecutionError) -> bool:
    if error.kind == ExecutionError.SYSTEM:
        return node.system_failures <= MAX_SYSTEM_FAILURES
    return _used(node) < max_attempts(node)


def _used(node: NodeRun) -> int:
    return node.attempt + 1 - node.system_failures


def exhausted(node: NodeRun, error: ExecutionError) -> ExecutionError:
    """The last recoverable error as the node's own. Its kind is USER there, whatever it was."""
    is_system = error.kind == ExecutionError.SYSTEM
    used = MAX_SYSTEM_FAILURES if is_system else _used(node)
    limit = MAX_SYSTEM_FAILURES if is_system else max_attempts(node)
    final = ExecutionError()
    final.CopyFrom(error)
    final.kind = ExecutionError.USER
    final.code = f"RetriesExhausted|{error.code}"
    kind = ExecutionError.ErrorKind.Name(error.kind)
    final.message = f"[{used}/{limit}] currentAttempt done. Last Error: {kind}::{error.message}"
    return final
