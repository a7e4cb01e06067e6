"""GetExecutionMetrics: reads the rows of an execution, and of those that it launched, for ``spans``.

Source: flyteadmin pkg/manager/impl/metrics_manager.go.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, TypeAlias

from flyteidl.admin import execution_pb2, workflow_pb2
from flyteidl.core import compiler_pb2, identifier_pb2
from sqlalchemy import Row

from flyte_sandbox.admin import executions, node_executions, task_executions
from flyte_sandbox.admin.spans import History, Node, Nodes, Task, execution_span
from flyte_sandbox.blobs.store import Store
from flyte_sandbox.compiler.identifiers import validate_execution_identifier
from flyte_sandbox.db import entities
from flyte_sandbox.db import executions as rows
from flyte_sandbox.db.database import Database
from flyte_sandbox.errors import NotFound

ExecutionId: TypeAlias = identifier_pb2.WorkflowExecutionIdentifier


class Metrics:
    def __init__(self, db: Database, store: Store) -> None:
        self._db = db
        self._store = store

    def get(
        self, request: execution_pb2.WorkflowExecutionGetMetricsRequest
    ) -> execution_pb2.WorkflowExecutionGetMetricsResponse:
        validate_execution_identifier(request.id)
        span = execution_span(self, self.history(request.id), request.depth)
        return execution_pb2.WorkflowExecutionGetMetricsResponse(span=span)

    def history(self, id: ExecutionId) -> History:
        """:raises NotFound: when there is no such execution."""
        with self._db.read() as connection:
            row = executions.get_row(connection, id)
            workflow = entities.get_message(connection, identifier_pb2.WORKFLOW, row.workflow_id)
            node_rows = rows.list_nodes(connection, id)
            task_rows = rows.list_tasks_of_execution(connection, id)
        return History(
            executions.to_message(row),
            workflow_pb2.Workflow.FromString(workflow).closure.compiled_workflow,
            _group_nodes(node_rows),
            _group_tasks(task_rows),
        )

    def dynamic_workflow(self, node: Node) -> compiler_pb2.CompiledWorkflowClosure:
        """:raises NotFound: when the node says that it is a parent and yielded no workflow."""
        with self._db.read() as connection:
            uri = node_executions.get_row(connection, node.id).dynamic_workflow_remote_closure_reference
        if not uri:
            raise NotFound("node does not contain dynamic workflow")
        return compiler_pb2.CompiledWorkflowClosure.FromString(self._store.read(uri))


def _group_nodes(found: Iterable[Row[Any]]) -> dict[str, Nodes]:
    groups: dict[str, dict[str, Node]] = defaultdict(dict)
    names: dict[int | None, str] = {None: ""}
    for row in found:  # Parents come before their children.
        names[row.id] = row.node_id
        node = node_executions.to_message(row)
        groups[names[row.parent_id]][node.metadata.spec_node_id or row.node_id] = node
    return dict(groups)


def _group_tasks(found: Iterable[Row[Any]]) -> dict[str, list[Task]]:
    groups: dict[str, list[Task]] = defaultdict(list)
    for row in found:
        groups[row.node_id].append(task_executions.to_message(row))
    for tasks in groups.values():
        tasks.sort(key=lambda task: task.closure.created_at.ToNanoseconds())
    return dict(groups)
