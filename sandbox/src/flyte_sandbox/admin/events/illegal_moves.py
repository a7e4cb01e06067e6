"""Why a phase may not change as an event says: told before, or not possible any more.

flytepropeller takes the first for done and the second for an order to stop, so codes and details matter.
Source: flyteadmin pkg/errors/errors.go,
pkg/manager/impl/{execution,node_execution,task_execution}_manager.go.
"""

from __future__ import annotations

from flyteidl.admin import event_pb2 as admin_event_pb2
from flyteidl.core import execution_pb2
from flyteidl.event import event_pb2

from flyte_sandbox import phases
from flyte_sandbox.compiler.prototext import one_line
from flyte_sandbox.errors import AlreadyExists, FailedPrecondition, SandboxError

_workflow_phase = execution_pb2.WorkflowExecution.Phase.Name
_node_phase = execution_pb2.NodeExecution.Phase.Name
_task_phase = execution_pb2.TaskExecution.Phase.Name


def of_workflow(current: int, event: event_pb2.WorkflowExecutionEvent) -> SandboxError:
    now, wanted, id = _workflow_phase(current), _workflow_phase(event.phase), one_line(event.execution_id)
    if now == wanted != "QUEUED":
        return AlreadyExists(f"This phase {wanted} was already recorded for workflow execution {id}")
    text = f"Invalid phase change from {now} to {wanted} for workflow execution {id}"
    return _refuse(text, now, current in phases.WORKFLOW_TERMINAL)


def of_node(current: int, event: event_pb2.NodeExecutionEvent) -> SandboxError:
    """As in flyteadmin, the detail names the phase that was asked for."""
    now, wanted, id = _node_phase(current), _node_phase(event.phase), one_line(event.id)
    if now == wanted:
        return AlreadyExists(f"This phase was already recorded {wanted} for node execution {id}")
    text = f"Invalid phase change from {now} to {wanted} for node execution {id}"
    return _refuse(text, wanted, current in phases.NODE_TERMINAL)


def of_task(current: int, version: int, event: event_pb2.TaskExecutionEvent) -> SandboxError:
    """As in flyteadmin, the detail names the phase that was asked for."""
    now, wanted = _task_phase(current), _task_phase(event.phase)
    id = f"{one_line(event.task_id)} {one_line(event.parent_node_execution_id)}"
    if now == wanted and event.phase_version <= version:
        return AlreadyExists(
            f"have already recorded task execution phase {wanted} (version: {event.phase_version}) for {id}"
        )
    text = f"invalid phase change from {now} to {wanted} for task execution {id}"
    return _refuse(text, wanted, current in phases.TASK_TERMINAL)


def _refuse(text: str, told_phase: str, is_terminal: bool) -> FailedPrecondition:
    if not is_terminal:
        return FailedPrecondition(text)
    state = admin_event_pb2.EventErrorAlreadyInTerminalState(current_phase=told_phase)
    return FailedPrecondition(text, admin_event_pb2.EventFailureReason(already_in_terminal_state=state))
