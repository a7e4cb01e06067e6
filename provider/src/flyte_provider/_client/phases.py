"""Phases of a workflow execution, by number and by name. Source: flyteidl core/execution.proto."""

from __future__ import annotations

from flyteidl.admin import execution_pb2
from flyteidl.core.execution_pb2 import WorkflowExecution

SUCCEEDED: int = WorkflowExecution.SUCCEEDED
FAILED: int = WorkflowExecution.FAILED
ABORTED: int = WorkflowExecution.ABORTED
ABORTING: int = WorkflowExecution.ABORTING
TIMED_OUT: int = WorkflowExecution.TIMED_OUT

#: Nothing changes after one of these.
TERMINAL = frozenset({SUCCEEDED, FAILED, ABORTED, TIMED_OUT})
#: These have been given up and can only end badly, though they have not ended yet.
DOOMED = frozenset({ABORTING, WorkflowExecution.FAILING})


def phase_name(phase: int) -> str:
    """Return the phase's name; a phase newer than this provider by its number."""
    return (
        str(WorkflowExecution.Phase.Name(phase)) if phase in WorkflowExecution.Phase.values() else str(phase)
    )


def is_terminal(execution: execution_pb2.Execution) -> bool:
    return execution.closure.phase in TERMINAL


def is_active(execution: execution_pb2.Execution) -> bool:
    """Whether it may still succeed, so that attaching to it makes sense."""
    return execution.closure.phase not in TERMINAL | DOOMED
