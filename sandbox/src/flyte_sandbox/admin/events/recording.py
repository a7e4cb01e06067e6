"""Writing down what happened: the one place where a phase changes.

Each function takes an open transaction, so that the engine commits all that belongs together at once.
Source: flyteadmin pkg/repositories/transformers/{execution,node_execution,task_execution}.go.
"""

from __future__ import annotations

import bisect
from typing import Any

from flyteidl.admin import execution_pb2, node_execution_pb2, task_execution_pb2
from flyteidl.core import catalog_pb2, identifier_pb2
from flyteidl.core import execution_pb2 as core_execution_pb2
from flyteidl.event import event_pb2
from google.protobuf import struct_pb2
from sqlalchemy import Connection

from flyte_sandbox import phases
from flyte_sandbox.admin.events import illegal_moves, notifications
from flyte_sandbox.admin.executions import get_row as get_execution_row
from flyte_sandbox.admin.node_executions import get_row as get_node_row
from flyte_sandbox.admin.task_executions import get_row as get_task_row
from flyte_sandbox.admin.task_logs import merge_logs
from flyte_sandbox.db import executions as rows
from flyte_sandbox.db import schema
from flyte_sandbox.db.times import duration_nanos, timestamp_micros, to_duration

_PHASES = core_execution_pb2

DYNAMIC_CLOSURE = "dynamic_compiled.pb"
"""The compiled workflow of a dynamic node lies under this name beside its job spec."""


def record_workflow(connection: Connection, event: event_pb2.WorkflowExecutionEvent) -> None:
    """:raises FailedPrecondition: for a move that ``phases`` does not allow.

    :raises AlreadyExists: when this phase was recorded before.
    """
    row = get_execution_row(connection, event.execution_id)
    closure = execution_pb2.ExecutionClosure.FromString(row.closure)
    if not phases.is_legal_workflow_move(closure.phase, event.phase):
        raise illegal_moves.of_workflow(closure.phase, event)
    closure.phase = event.phase
    closure.updated_at.CopyFrom(event.occurred_at)
    if event.phase == phases.WORKFLOW.RUNNING:
        closure.started_at.CopyFrom(event.occurred_at)
    if event.phase in phases.WORKFLOW_TERMINAL and closure.HasField("started_at"):
        closure.duration.CopyFrom(to_duration(closure.started_at, event.occurred_at))
    if event.HasField("output_uri"):
        closure.outputs.uri = event.output_uri
    if event.HasField("error"):
        closure.error.CopyFrom(event.error)
    if event.phase in phases.WORKFLOW_TERMINAL:
        notifications.log_unsent(event.execution_id, closure)
    rows.update_row(
        connection,
        schema.executions,
        row.id,
        phase=_PHASES.WorkflowExecution.Phase.Name(event.phase),
        updated_at=timestamp_micros(event.occurred_at),
        execution_updated_at=timestamp_micros(event.occurred_at),
        closure=closure.SerializeToString(),
        **_times(closure),
        **_error_columns(closure),
    )


def record_node(
    connection: Connection, event: event_pb2.NodeExecutionEvent, internal_data: str | None = None
) -> None:
    """Makes the row on the first event of a node and moves it on every later one.

    :param internal_data: the engine's notes to keep with it; None leaves what is there.
    """
    row = rows.get_node(connection, event.id)
    if row is None:
        _insert_node(connection, event, internal_data or "")
        return
    closure = node_execution_pb2.NodeExecutionClosure.FromString(row.closure)
    if not phases.is_legal_node_move(closure.phase, event.phase):
        raise illegal_moves.of_node(closure.phase, event)
    metadata = node_execution_pb2.NodeExecutionMetaData.FromString(row.node_execution_metadata)
    _apply_node(closure, event)
    _apply_node_metadata(metadata, event)
    rows.update_row(
        connection,
        schema.node_executions,
        row.id,
        internal_data=row.internal_data if internal_data is None else internal_data,
        **({"input_uri": event.input_uri} if event.input_uri and not row.input_uri else {}),
        **_dynamic_column(event),
        **_node_columns(closure, metadata),
    )


def note_node(connection: Connection, id: identifier_pb2.NodeExecutionIdentifier, internal_data: str) -> None:
    """Keeps the engine's notes about a node whose phase does not change (a retry, for one)."""
    row = get_node_row(connection, id)
    rows.update_row(connection, schema.node_executions, row.id, internal_data=internal_data)


def _insert_node(connection: Connection, event: event_pb2.NodeExecutionEvent, internal_data: str) -> None:
    closure = node_execution_pb2.NodeExecutionClosure(created_at=event.occurred_at)
    metadata = node_execution_pb2.NodeExecutionMetaData(
        retry_group=event.retry_group, spec_node_id=event.spec_node_id
    )
    _apply_node(closure, event)
    _apply_node_metadata(metadata, event)
    rows.insert_node(
        connection,
        event.id,
        parent_id=_parent_key(connection, event),
        parent_task_execution_id=_parent_task_key(connection, event),
        created_at=timestamp_micros(event.occurred_at),
        node_execution_created_at=timestamp_micros(event.occurred_at),
        input_uri=event.input_uri,
        internal_data=internal_data,
        **_dynamic_column(event),
        **_node_columns(closure, metadata),
    )


def _parent_key(connection: Connection, event: event_pb2.NodeExecutionEvent) -> int | None:
    if not event.parent_node_metadata.node_id:
        return None
    id = identifier_pb2.NodeExecutionIdentifier(
        execution_id=event.id.execution_id, node_id=event.parent_node_metadata.node_id
    )
    return int(get_node_row(connection, id).id)


def _parent_task_key(connection: Connection, event: event_pb2.NodeExecutionEvent) -> int | None:
    """Of a node that a task launched by itself, as old engines did for dynamic tasks."""
    if not event.HasField("parent_task_metadata"):
        return None
    return int(get_task_row(connection, event.parent_task_metadata.id).id)


def _apply_node(
    closure: node_execution_pb2.NodeExecutionClosure, event: event_pb2.NodeExecutionEvent
) -> None:
    closure.phase = event.phase
    closure.updated_at.CopyFrom(event.reported_at if event.HasField("reported_at") else event.occurred_at)
    if event.phase == phases.NODE.RUNNING:
        closure.started_at.CopyFrom(event.occurred_at)
    is_terminal = event.phase in phases.NODE_TERMINAL
    if is_terminal and closure.HasField("started_at"):
        closure.duration.CopyFrom(to_duration(closure.started_at, event.occurred_at))
    if event.HasField("output_uri"):
        closure.output_uri = event.output_uri
    if event.HasField("error"):
        closure.error.CopyFrom(event.error)
    if is_terminal or event.phase == phases.NODE.RUNNING:
        closure.deck_uri = event.deck_uri
    _apply_target(closure, event)


def _dynamic_column(event: event_pb2.NodeExecutionEvent) -> dict[str, str]:
    spec_uri = event.task_node_metadata.dynamic_workflow.dynamic_job_spec_uri
    if not spec_uri:
        return {}
    return {"dynamic_workflow_remote_closure_reference": dynamic_closure_uri(spec_uri)}


def dynamic_closure_uri(job_spec_uri: str) -> str:
    """Where the compiled form of what a dynamic task yielded lies."""
    return f"{job_spec_uri.rpartition('/')[0]}/{DYNAMIC_CLOSURE}"


def _apply_target(
    closure: node_execution_pb2.NodeExecutionClosure, event: event_pb2.NodeExecutionEvent
) -> None:
    if event.HasField("workflow_node_metadata"):
        closure.workflow_node_metadata.executionId.CopyFrom(event.workflow_node_metadata.execution_id)
    if not event.HasField("task_node_metadata"):
        return
    task = event.task_node_metadata
    if task.HasField("catalog_key"):
        # Without a key the status is not kept: MISS and DISABLED look like 0 to clients.
        closure.task_node_metadata.cache_status = task.cache_status
        closure.task_node_metadata.catalog_key.CopyFrom(task.catalog_key)
    if task.checkpoint_uri:
        closure.task_node_metadata.checkpoint_uri = task.checkpoint_uri
    if task.dynamic_workflow.dynamic_job_spec_uri:
        closure.dynamic_job_spec_uri = task.dynamic_workflow.dynamic_job_spec_uri


def _apply_node_metadata(
    metadata: node_execution_pb2.NodeExecutionMetaData, event: event_pb2.NodeExecutionEvent
) -> None:
    metadata.is_parent_node |= event.is_parent
    metadata.is_dynamic |= event.is_dynamic
    metadata.is_array |= event.is_array
    metadata.is_eager |= event.is_eager


def _node_columns(
    closure: node_execution_pb2.NodeExecutionClosure, metadata: node_execution_pb2.NodeExecutionMetaData
) -> dict[str, Any]:
    return {
        "phase": _PHASES.NodeExecution.Phase.Name(closure.phase),
        "updated_at": timestamp_micros(closure.updated_at),
        "node_execution_updated_at": timestamp_micros(closure.updated_at),
        "closure": closure.SerializeToString(),
        "node_execution_metadata": metadata.SerializeToString(),
        "cache_status": _cache_status(closure),
        **_times(closure),
        **_error_columns(closure),
    }


def _cache_status(closure: node_execution_pb2.NodeExecutionClosure) -> str | None:
    if not closure.HasField("task_node_metadata"):
        return None
    return str(catalog_pb2.CatalogCacheStatus.Name(closure.task_node_metadata.cache_status))


def record_task(connection: Connection, event: event_pb2.TaskExecutionEvent) -> None:
    """Makes the row of an attempt on its first event and moves it on every later one."""
    id = identifier_pb2.TaskExecutionIdentifier(
        task_id=event.task_id,
        node_execution_id=event.parent_node_execution_id,
        retry_attempt=event.retry_attempt,
    )
    row = rows.get_task(connection, id)
    closure = task_execution_pb2.TaskExecutionClosure(created_at=event.occurred_at)
    if row is not None:
        closure.ParseFromString(row.closure)
        if not phases.is_legal_task_move(closure.phase, event.phase, row.phase_version, event.phase_version):
            raise illegal_moves.of_task(closure.phase, row.phase_version, event)
    _apply_task(closure, event, is_new=row is None)
    columns = _task_columns(closure, event)
    if row is None:
        created = timestamp_micros(event.occurred_at)
        times = {"created_at": created, "task_execution_created_at": created}
        rows.insert_task(connection, id, input_uri=event.input_uri, **times, **columns)
    else:
        rows.update_row(connection, schema.task_executions, row.id, **columns)


def _apply_task(
    closure: task_execution_pb2.TaskExecutionClosure, event: event_pb2.TaskExecutionEvent, is_new: bool
) -> None:
    closure.phase = event.phase
    closure.updated_at.CopyFrom(event.occurred_at)
    closure.event_version = max(closure.event_version, event.event_version)
    closure.task_type = event.task_type or closure.task_type
    if event.phase == phases.TASK.RUNNING and not closure.HasField("started_at"):
        closure.started_at.CopyFrom(event.occurred_at)
    if event.phase in phases.TASK_TERMINAL and closure.HasField("started_at"):
        closure.duration.CopyFrom(to_duration(closure.started_at, event.occurred_at))
    if event.HasField("output_uri"):
        closure.output_uri = event.output_uri
    if event.HasField("error"):
        closure.error.CopyFrom(event.error)
    if event.HasField("metadata"):
        _merge_metadata(closure, event)
    if event.HasField("custom_info"):
        _merge_patch(closure.custom_info, event.custom_info)
    merge_logs(closure, event, is_new)
    _apply_reasons(closure, event)


def _merge_patch(into: struct_pb2.Struct, patch: struct_pb2.Struct) -> None:
    """As JSON merge patches go: objects are merged, null removes, all else replaces (RFC 7386)."""
    for key, value in patch.fields.items():
        match value.WhichOneof("kind"):
            case "null_value":
                into.fields.pop(key, None)
            case "struct_value":
                into.fields[key].struct_value.SetInParent()
                _merge_patch(into.fields[key].struct_value, value.struct_value)
            case _:
                into.fields[key].CopyFrom(value)


def _merge_metadata(
    closure: task_execution_pb2.TaskExecutionClosure, event: event_pb2.TaskExecutionEvent
) -> None:
    """External resources replace what was known of the same index and attempt; their log links stay.

    They are kept in order, so that one that has changed is found without a look at all the others.
    """
    others = event_pb2.TaskExecutionMetadata()
    others.CopyFrom(event.metadata)
    others.ClearField("external_resources")
    closure.metadata.MergeFrom(others)
    known = closure.metadata.external_resources
    for resource in event.metadata.external_resources:
        place = bisect.bisect_left(known, _order(resource), key=_order)
        if place < len(known) and _order(known[place]) == _order(resource):
            logs = resource.logs or list(known[place].logs)
            known[place].CopyFrom(resource)
            del known[place].logs[:]
            known[place].logs.extend(logs)
        else:
            known.insert(place, resource)


def _order(resource: event_pb2.ExternalResourceInfo) -> tuple[int, int]:
    return resource.index, resource.retry_attempt


def _apply_reasons(
    closure: task_execution_pb2.TaskExecutionClosure, event: event_pb2.TaskExecutionEvent
) -> None:
    if event.reason:
        closure.reason = event.reason
        closure.reasons.add(message=event.reason, occurred_at=event.occurred_at)
    for reason in event.reasons:
        closure.reason = reason.reason
        closure.reasons.add(message=reason.reason, occurred_at=reason.occurred_at)


def _task_columns(
    closure: task_execution_pb2.TaskExecutionClosure, event: event_pb2.TaskExecutionEvent
) -> dict[str, Any]:
    updated = timestamp_micros(closure.updated_at)
    return {
        "phase": _PHASES.TaskExecution.Phase.Name(closure.phase),
        "phase_version": event.phase_version,
        "updated_at": updated,
        "task_execution_updated_at": updated,
        "closure": closure.SerializeToString(),
        **_times(closure),
    }


def _times(closure: Any) -> dict[str, int | None]:
    return {
        "started_at": timestamp_micros(closure.started_at) if closure.HasField("started_at") else None,
        "duration": duration_nanos(closure.duration) if closure.HasField("duration") else None,
    }


def _error_columns(closure: Any) -> dict[str, str | None]:
    if not closure.HasField("error"):
        return {"error_kind": None, "error_code": None}
    kind = core_execution_pb2.ExecutionError.ErrorKind.Name(closure.error.kind)
    return {"error_kind": kind, "error_code": closure.error.code}
