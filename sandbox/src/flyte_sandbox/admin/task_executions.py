"""Reading task executions, one per attempt. Source: flyteadmin pkg/manager/impl/task_execution_manager.go."""

from __future__ import annotations

from typing import Any, TypeAlias

from flyteidl.admin import common_pb2, task_execution_pb2
from flyteidl.core import identifier_pb2
from sqlalchemy import Connection, Row

from flyte_sandbox.admin import flyte_urls
from flyte_sandbox.admin.descriptions import missing
from flyte_sandbox.admin.executions import show_literals
from flyte_sandbox.admin.pages import next_token, read_page
from flyte_sandbox.blobs.store import Store
from flyte_sandbox.compiler.identifiers import (
    validate_node_execution_identifier,
    validate_task_execution_identifier,
)
from flyte_sandbox.db import executions as rows
from flyte_sandbox.db import schema
from flyte_sandbox.db.database import Database
from flyte_sandbox.db.listing import TASK_EXECUTIONS, select_page
from flyte_sandbox.errors import NotFound

TaskId: TypeAlias = identifier_pb2.TaskExecutionIdentifier


class TaskExecutions:
    def __init__(self, db: Database, store: Store) -> None:
        self._db = db
        self._store = store

    def get(self, request: task_execution_pb2.TaskExecutionGetRequest) -> task_execution_pb2.TaskExecution:
        id = _read_id(request.id)
        with self._db.read() as connection:
            row = get_row(connection, id)
            parents = rows.list_parent_task_ids(connection, [row.id])
        return to_message(row, row.id in parents)

    def list(
        self, request: task_execution_pb2.TaskExecutionListRequest
    ) -> task_execution_pb2.TaskExecutionList:
        validate_node_execution_identifier(request.node_execution_id)
        page = read_page(request, "ListTaskExecutions")
        where = (
            rows.of_execution(schema.task_executions, request.node_execution_id.execution_id),
            schema.task_executions.c.node_id == request.node_execution_id.node_id,
        )
        with self._db.read() as connection:
            found = select_page(connection, TASK_EXECUTIONS, page, *where)
            parents = rows.list_parent_task_ids(connection, [row.id for row in found])
        tasks = [to_message(row, row.id in parents) for row in found]
        return task_execution_pb2.TaskExecutionList(task_executions=tasks, token=next_token(page, found))

    def get_data(
        self, request: task_execution_pb2.TaskExecutionGetDataRequest
    ) -> task_execution_pb2.TaskExecutionGetDataResponse:
        id = _read_id(request.id)
        with self._db.read() as connection:
            row = get_row(connection, id)
        closure = task_execution_pb2.TaskExecutionClosure.FromString(row.closure)
        return task_execution_pb2.TaskExecutionGetDataResponse(
            inputs=common_pb2.UrlBlob(),
            outputs=common_pb2.UrlBlob(),
            full_inputs=show_literals(self._store, row.input_uri),
            full_outputs=show_literals(self._store, closure.output_uri),
            flyte_urls=flyte_urls.of_task(id),
        )


def _read_id(given: TaskId) -> TaskId:
    """Clients may leave the resource type of the task out."""
    id = TaskId()
    id.CopyFrom(given)
    if id.task_id.resource_type == identifier_pb2.UNSPECIFIED:
        id.task_id.resource_type = identifier_pb2.TASK
    validate_task_execution_identifier(id)
    return id


def get_row(connection: Connection, id: TaskId) -> Row[Any]:
    """:raises NotFound: when there is no such task execution."""
    row = rows.get_task(connection, id)
    if row is None:
        raise NotFound(missing("task execution", id))
    return row


def to_message(row: Row[Any], is_parent: bool = False) -> task_execution_pb2.TaskExecution:
    """:param is_parent: whether node executions say that this task launched them."""
    return task_execution_pb2.TaskExecution(
        id=identifier(row),
        input_uri=row.input_uri,
        is_parent=is_parent,
        closure=task_execution_pb2.TaskExecutionClosure.FromString(row.closure),
    )


def identifier(row: Row[Any]) -> TaskId:
    task = identifier_pb2.Identifier(
        resource_type=identifier_pb2.TASK,
        project=row.project,
        domain=row.domain,
        name=row.name,
        version=row.version,
    )
    execution = identifier_pb2.WorkflowExecutionIdentifier(
        project=row.execution_project, domain=row.execution_domain, name=row.execution_name
    )
    node = identifier_pb2.NodeExecutionIdentifier(execution_id=execution, node_id=row.node_id)
    return TaskId(task_id=task, node_execution_id=node, retry_attempt=row.retry_attempt)
