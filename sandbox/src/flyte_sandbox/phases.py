"""The single list of legal phase moves, for executions, node executions and task executions.

Pure tables. ``admin`` is the only caller that changes a phase, and it asks here first.
Source: flyteadmin pkg/manager/impl/{execution,node_execution,task_execution}_manager.go.
"""

from __future__ import annotations

from flyteidl.core import execution_pb2

WORKFLOW = execution_pb2.WorkflowExecution.Phase
NODE = execution_pb2.NodeExecution.Phase
TASK = execution_pb2.TaskExecution.Phase

WORKFLOW_TERMINAL = frozenset({WORKFLOW.SUCCEEDED, WORKFLOW.FAILED, WORKFLOW.ABORTED, WORKFLOW.TIMED_OUT})
NODE_TERMINAL = frozenset(
    {NODE.SUCCEEDED, NODE.FAILED, NODE.ABORTED, NODE.SKIPPED, NODE.TIMED_OUT, NODE.RECOVERED}
)
TASK_TERMINAL = frozenset({TASK.SUCCEEDED, TASK.FAILED, TASK.ABORTED})


def is_legal_workflow_move(current: int, wanted: int) -> bool:
    """Flyte keeps no strict graph: nothing leaves a terminal phase, ABORTING only ends, RUNNING never queues
    again. QUEUED alone may be told twice, when another cluster takes the execution over.
    """
    if current in WORKFLOW_TERMINAL or (current == wanted != WORKFLOW.QUEUED):
        return False
    if current == WORKFLOW.ABORTING:
        return wanted in WORKFLOW_TERMINAL
    return not (current == WORKFLOW.RUNNING and wanted == WORKFLOW.QUEUED)


def is_legal_node_move(current: int, wanted: int) -> bool:
    return current not in NODE_TERMINAL and current != wanted


def is_legal_task_move(current: int, wanted: int, current_version: int, wanted_version: int) -> bool:
    """The same phase may be told again with a higher version (new log links, array progress)."""
    if current in TASK_TERMINAL:
        return False
    return current != wanted or wanted_version > current_version
