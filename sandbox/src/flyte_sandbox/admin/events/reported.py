"""Events that are reported by a call: what an engine outside of this process, or a test, has seen happen.

They are checked as flyteadmin checks them, and written down by ``recording`` as our own engine's are.
Source: flyteadmin pkg/manager/impl/{execution,node_execution,task_execution}_manager.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

from flyteidl.admin import event_pb2 as admin_event_pb2
from flyteidl.core import execution_pb2 as core_execution_pb2
from flyteidl.core import identifier_pb2
from flyteidl.event import event_pb2
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import Connection, Row

from flyte_sandbox.admin.events import recording
from flyte_sandbox.admin.executions import get_row as get_execution_row
from flyte_sandbox.admin.node_executions import get_row as get_node_row
from flyte_sandbox.blobs.store import Store
from flyte_sandbox.compiler.identifiers import (
    invalid_value,
    require,
    validate_execution_identifier,
    validate_identifier,
)
from flyte_sandbox.compiler.prototext import one_line
from flyte_sandbox.config import BUCKET
from flyte_sandbox.db import executions as rows
from flyte_sandbox.db import schema
from flyte_sandbox.db.database import Database
from flyte_sandbox.errors import FailedPrecondition, NotFound

ExecutionId: TypeAlias = identifier_pb2.WorkflowExecutionIdentifier
M = TypeVar("M", bound=Message)

_QUEUED = core_execution_pb2.WorkflowExecution.QUEUED
_NANOS = 1_000_000_000
_MAX_SECONDS = 253_402_300_799
"""The end of the year 9999, where a protobuf timestamp ends."""


class ReportedEvents:
    """:param on_reported: told the execution after the commit, so that the engine reads it anew."""

    def __init__(self, db: Database, store: Store, on_reported: Callable[[ExecutionId], None]) -> None:
        self._db = db
        self._store = store
        self._on_reported = on_reported

    def create_workflow(
        self, request: admin_event_pb2.WorkflowExecutionEventRequest
    ) -> admin_event_pb2.WorkflowExecutionEventResponse:
        event = _event_of(request)
        require(event.HasField("execution_id"), "execution_id")
        validate_execution_identifier(event.execution_id)
        _check(event)
        folder = _folder(event.execution_id)
        with self._db.write() as connection:
            _check_cluster(connection, event)
            data = _offload_outputs(event, folder)
            recording.record_workflow(connection, event)
            self._write(data)
        self._on_reported(event.execution_id)
        return admin_event_pb2.WorkflowExecutionEventResponse()

    def create_node(
        self, request: admin_event_pb2.NodeExecutionEventRequest
    ) -> admin_event_pb2.NodeExecutionEventResponse:
        event = _event_of(request)
        _check(event)
        folder = f"{_folder(event.id.execution_id)}/{event.id.node_id}"
        with self._db.write() as connection:
            _find_execution(connection, event.id.execution_id)
            if event.workflow_node_metadata.HasField("execution_id"):
                _find_execution(connection, event.workflow_node_metadata.execution_id)
            data = _offload_inputs(event, folder) | _offload_outputs(event, folder) | _offload_dynamic(event)
            recording.record_node(connection, event)
            self._write(data)
        self._on_reported(event.id.execution_id)
        return admin_event_pb2.NodeExecutionEventResponse()

    def create_task(
        self, request: admin_event_pb2.TaskExecutionEventRequest
    ) -> admin_event_pb2.TaskExecutionEventResponse:
        event = _event_of(request)
        _check(event)
        require(event.HasField("task_id"), "task_id")
        require(event.HasField("parent_node_execution_id"), "parent_node_execution_id")
        validate_identifier(event.task_id, identifier_pb2.TASK)
        node = event.parent_node_execution_id
        folder = f"{_folder(node.execution_id)}/{node.node_id}/{event.retry_attempt}"
        with self._db.write() as connection:
            _find_node(connection, node)
            data = _offload_inputs(event, folder) | _offload_outputs(event, folder)
            recording.record_task(connection, event)
            self._write(data)
        self._on_reported(node.execution_id)
        return admin_event_pb2.TaskExecutionEventResponse()

    def _write(self, files: dict[str, Message]) -> None:
        """Before the commit that makes them known."""
        for uri, message in files.items():
            self._store.write(uri, message.SerializeToString(deterministic=True))


def _event_of(request: Any) -> Any:
    """A copy, because inline values are moved out of it."""
    require(request.HasField("event"), "event")
    event = type(request.event)()
    event.CopyFrom(request.event)
    return event


def _check(event: Any) -> None:
    """What every event needs."""
    if event.phase not in event.DESCRIPTOR.fields_by_name["phase"].enum_type.values_by_number:
        raise invalid_value("phase")
    require(event.HasField("occurred_at"), "occurred_at")
    for name in ("occurred_at", "reported_at"):
        if name in event.DESCRIPTOR.fields_by_name and not _is_time(getattr(event, name)):
            raise invalid_value(name)


def _is_time(stamp: Timestamp) -> bool:
    return 0 <= stamp.seconds <= _MAX_SECONDS and 0 <= stamp.nanos < _NANOS


def _check_cluster(connection: Connection, event: event_pb2.WorkflowExecutionEvent) -> None:
    """The cluster that queues an execution is the one that may say how it goes on."""
    row = get_execution_row(connection, event.execution_id)
    if event.phase == _QUEUED:
        rows.update_row(connection, schema.executions, row.id, cluster=event.producer_id)
    elif row.cluster and event.producer_id != row.cluster:
        reason = admin_event_pb2.EventErrorIncompatibleCluster(cluster=row.cluster)
        raise FailedPrecondition(
            f"recorded cluster [{row.cluster}] and cluster of the event [{event.producer_id}] differ for "
            f"workflow execution {one_line(event.execution_id)}",
            admin_event_pb2.EventFailureReason(incompatible_cluster=reason),
        )


def _find_execution(connection: Connection, id: ExecutionId) -> None:
    try:
        get_execution_row(connection, id)
    except NotFound as exc:
        raise NotFound(
            f"Failed to get existing execution id: [{one_line(id)}] with err: {exc.message}"
        ) from exc


def _find_node(connection: Connection, id: identifier_pb2.NodeExecutionIdentifier) -> Row[Any]:
    try:
        return get_node_row(connection, id)
    except NotFound as exc:
        raise NotFound(
            f"failed to get existing node execution id: [{one_line(id)}] with err: {exc.message}"
        ) from exc


def _folder(id: ExecutionId) -> str:
    return f"s3://{BUCKET}/metadata/{id.project}/{id.domain}/{id.name}"


def _offload_inputs(event: Any, folder: str) -> dict[str, Message]:
    """Inline values become a file, as flyteadmin's default is; the event names it then."""
    if not event.HasField("input_data"):
        return {}
    data, uri = _copy(event.input_data), f"{folder}/offloaded_inputs"
    event.input_uri = uri
    return {uri: data}


def _offload_outputs(event: Any, folder: str) -> dict[str, Message]:
    if not event.HasField("output_data"):
        return {}
    data, uri = _copy(event.output_data), f"{folder}/offloaded_outputs"
    event.output_uri = uri
    return {uri: data}


def _offload_dynamic(event: event_pb2.NodeExecutionEvent) -> dict[str, Message]:
    dynamic = event.task_node_metadata.dynamic_workflow
    if not (dynamic.HasField("compiled_workflow") and dynamic.dynamic_job_spec_uri):
        return {}
    return {recording.dynamic_closure_uri(dynamic.dynamic_job_spec_uri): _copy(dynamic.compiled_workflow)}


def _copy(message: M) -> M:
    copy = type(message)()
    copy.CopyFrom(message)
    return copy
