"""Reading node executions. Source: flyteadmin pkg/manager/impl/node_execution_manager.go."""

from __future__ import annotations

from typing import Any, TypeAlias

from flyteidl.admin import common_pb2, node_execution_pb2
from flyteidl.core import compiler_pb2, identifier_pb2
from sqlalchemy import ColumnElement, Connection, Row

from flyte_sandbox.admin import flyte_urls
from flyte_sandbox.admin.descriptions import missing
from flyte_sandbox.admin.executions import cut_message, show_literals
from flyte_sandbox.admin.pages import next_token, read_page
from flyte_sandbox.blobs.store import Store
from flyte_sandbox.compiler.identifiers import validate_task_execution_identifier
from flyte_sandbox.db import executions as rows
from flyte_sandbox.db import schema
from flyte_sandbox.db.database import Database
from flyte_sandbox.db.listing import NODE_EXECUTIONS, Page, select_page
from flyte_sandbox.errors import InvalidArgument, NotFound

NodeId: TypeAlias = identifier_pb2.NodeExecutionIdentifier


class NodeExecutions:
    def __init__(self, db: Database, store: Store) -> None:
        self._db = db
        self._store = store

    def get(self, request: node_execution_pb2.NodeExecutionGetRequest) -> node_execution_pb2.NodeExecution:
        with self._db.read() as connection:
            return to_message(get_row(connection, request.id))

    def list(
        self, request: node_execution_pb2.NodeExecutionListRequest
    ) -> node_execution_pb2.NodeExecutionList:
        """The top level, or with ``unique_parent_id`` the direct children of that node."""
        execution = request.workflow_execution_id
        if not (execution.project and execution.domain and execution.name):
            raise InvalidArgument("missing execution_id")
        page = read_page(request, "ListNodeExecutions")
        with self._db.read() as connection:
            parent = self._find_parent(connection, request)
            where = (
                rows.of_execution(schema.node_executions, execution),
                schema.node_executions.c.parent_id == parent,
            )
            return _page_of(connection, page, *where)

    def list_for_task(
        self, request: node_execution_pb2.NodeExecutionForTaskListRequest
    ) -> node_execution_pb2.NodeExecutionList:
        """Nodes that a task launched by itself, which only engines before sub-nodes did: usually none."""
        id = identifier_pb2.TaskExecutionIdentifier()
        id.CopyFrom(request.task_execution_id)
        if id.task_id.resource_type == identifier_pb2.UNSPECIFIED:
            id.task_id.resource_type = identifier_pb2.TASK
        validate_task_execution_identifier(id)
        page = read_page(request, "ListNodeExecutionsForTask")
        with self._db.read() as connection:
            task = rows.get_task(connection, id)
            if task is None:
                raise NotFound(missing("task execution", id))
            where = schema.node_executions.c.parent_task_execution_id == task.id
            return _page_of(connection, page, where)

    def _find_parent(
        self, connection: Connection, request: node_execution_pb2.NodeExecutionListRequest
    ) -> int | None:
        if not request.unique_parent_id:
            return None
        id = NodeId(execution_id=request.workflow_execution_id, node_id=request.unique_parent_id)
        return int(get_row(connection, id).id)

    def get_data(
        self, request: node_execution_pb2.NodeExecutionGetDataRequest
    ) -> node_execution_pb2.NodeExecutionGetDataResponse:
        with self._db.read() as connection:
            row = get_row(connection, request.id)
        closure = node_execution_pb2.NodeExecutionClosure.FromString(row.closure)
        answer = node_execution_pb2.NodeExecutionGetDataResponse(
            inputs=common_pb2.UrlBlob(),
            outputs=common_pb2.UrlBlob(),
            full_inputs=show_literals(self._store, row.input_uri),
            full_outputs=show_literals(self._store, closure.output_uri),
            flyte_urls=flyte_urls.of_node(request.id, bool(closure.deck_uri)),
        )
        if row.dynamic_workflow_remote_closure_reference:
            # flytekit asks whether the field is there, so it is set for dynamic nodes only.
            workflow = self._read_dynamic(row)
            answer.dynamic_workflow.compiled_workflow.CopyFrom(workflow)
            answer.dynamic_workflow.id.CopyFrom(workflow.primary.template.id)
            answer.dynamic_workflow.dynamic_job_spec_uri = closure.dynamic_job_spec_uri
        return answer

    def get_dynamic_workflow(
        self, request: node_execution_pb2.GetDynamicNodeWorkflowRequest
    ) -> node_execution_pb2.DynamicNodeWorkflowResponse:
        with self._db.read() as connection:
            row = get_row(connection, request.id)
        if not row.dynamic_workflow_remote_closure_reference:
            raise NotFound("node does not contain dynamic workflow")
        return node_execution_pb2.DynamicNodeWorkflowResponse(compiled_workflow=self._read_dynamic(row))

    def _read_dynamic(self, row: Row[Any]) -> compiler_pb2.CompiledWorkflowClosure:
        data = self._store.read(row.dynamic_workflow_remote_closure_reference)
        return compiler_pb2.CompiledWorkflowClosure.FromString(data)


def _page_of(
    connection: Connection, page: Page, *where: ColumnElement[bool]
) -> node_execution_pb2.NodeExecutionList:
    found = select_page(connection, NODE_EXECUTIONS, page, *where)
    parents = rows.list_parent_ids(connection, [row.id for row in found])
    nodes = [_list_item(row, row.id in parents) for row in found]
    return node_execution_pb2.NodeExecutionList(node_executions=nodes, token=next_token(page, found))


def get_row(connection: Connection, id: NodeId) -> Row[Any]:
    """:raises NotFound: when there is no such node execution."""
    row = rows.get_node(connection, id)
    if row is None:
        raise NotFound(missing("node execution", id))
    return row


def to_message(row: Row[Any]) -> node_execution_pb2.NodeExecution:
    execution = identifier_pb2.WorkflowExecutionIdentifier(
        project=row.execution_project, domain=row.execution_domain, name=row.execution_name
    )
    return node_execution_pb2.NodeExecution(
        id=NodeId(execution_id=execution, node_id=row.node_id),
        input_uri=row.input_uri,
        closure=node_execution_pb2.NodeExecutionClosure.FromString(row.closure),
        metadata=node_execution_pb2.NodeExecutionMetaData.FromString(row.node_execution_metadata),
    )


def _list_item(row: Row[Any], has_children: bool) -> node_execution_pb2.NodeExecution:
    node = to_message(row)
    if has_children and not node.metadata.is_array:
        # Branch nodes never say so themselves.
        node.metadata.is_parent_node = True
    if node.closure.HasField("error"):
        cut_message(node.closure.error)
    return node
