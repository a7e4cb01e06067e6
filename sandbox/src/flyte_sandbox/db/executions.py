"""Rows of executions, node executions and task executions.

What the engine asks for at every event is prepared once: to put such a statement together takes five times
as long as to run it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Any

from flyteidl.core import identifier_pb2
from flyteidl.core.execution_pb2 import WorkflowExecution
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Table,
    Update,
    and_,
    bindparam,
    func,
    insert,
    select,
    update,
)

from flyte_sandbox.db import schema
from flyte_sandbox.db.schema import execution_tags, executions, node_executions, task_executions

_EXECUTION = ("execution_project", "execution_domain", "execution_name")
_TASK = ("node_id", "retry_attempt", "project", "domain", "name", "version")


def _equal(table: Table, *names: str) -> ColumnElement[bool]:
    """The condition of a prepared statement; its parameters are called like the columns."""
    return and_(*(table.c[name] == bindparam(name) for name in names))


_GET = select(executions).where(_equal(executions, *_EXECUTION))
_GET_NODE = select(node_executions).where(_equal(node_executions, *_EXECUTION, "node_id"))
_GET_TASK = select(task_executions).where(_equal(task_executions, *_EXECUTION, *_TASK))
_INSERT_NODE = insert(node_executions).returning(node_executions.c.id)
_INSERT_TASK = insert(task_executions).returning(task_executions.c.id)


@functools.cache
def _update_by_id(table: Table) -> Update:
    return update(table).where(table.c.id == bindparam("row_id"))


def of_execution(table: Table, id: identifier_pb2.WorkflowExecutionIdentifier) -> ColumnElement[bool]:
    """The condition that a row of any of the three tables belongs to an execution."""
    return and_(
        table.c.execution_project == id.project,
        table.c.execution_domain == id.domain,
        table.c.execution_name == id.name,
    )


def _identity(id: identifier_pb2.WorkflowExecutionIdentifier) -> dict[str, str]:
    return {
        "execution_project": id.project,
        "execution_domain": id.domain,
        "execution_name": id.name,
    }


def _node_identity(id: identifier_pb2.NodeExecutionIdentifier) -> dict[str, str]:
    return {**_identity(id.execution_id), "node_id": id.node_id}


def get(connection: Connection, id: identifier_pb2.WorkflowExecutionIdentifier) -> Row[Any] | None:
    return connection.execute(_GET, _identity(id)).one_or_none()


def insert_execution(
    connection: Connection, id: identifier_pb2.WorkflowExecutionIdentifier, **values: Any
) -> int:
    """:raises IntegrityError: when the name is taken."""
    query = insert(executions).values(**_identity(id), **values).returning(executions.c.id)
    return int(connection.execute(query).scalar_one())


def insert_tags(connection: Connection, execution_id: int, pairs: Iterable[tuple[str, str]]) -> None:
    rows = [{"execution_id": execution_id, "key": key, "value": value} for key, value in sorted(set(pairs))]
    if rows:
        connection.execute(insert(execution_tags), rows)


def update_row(connection: Connection, table: Table, row_id: int, **values: Any) -> None:
    connection.execute(_update_by_id(table), {"row_id": row_id, **values})


def list_unfinished(connection: Connection, terminal: Iterable[str]) -> Sequence[Row[Any]]:
    """Executions that the engine still has to bring to an end, oldest first."""
    # Named one by one, because an index finds what is in a list, and not what is in none.
    going_on = set(WorkflowExecution.Phase.keys()) - set(terminal)
    query = select(executions).where(executions.c.phase.in_(going_on)).order_by(executions.c.id)
    return connection.execute(query).all()


def get_node(connection: Connection, id: identifier_pb2.NodeExecutionIdentifier) -> Row[Any] | None:
    return connection.execute(_GET_NODE, _node_identity(id)).one_or_none()


def get_node_by_key(connection: Connection, key: int) -> Row[Any]:
    return connection.execute(select(node_executions).where(node_executions.c.id == key)).one()


def insert_node(connection: Connection, id: identifier_pb2.NodeExecutionIdentifier, **values: Any) -> int:
    return int(connection.execute(_INSERT_NODE, {**_node_identity(id), **values}).scalar_one())


def list_nodes(connection: Connection, id: identifier_pb2.WorkflowExecutionIdentifier) -> Sequence[Row[Any]]:
    """All node executions of an execution in the order in which they began; parents before children."""
    query = select(node_executions).where(of_execution(node_executions, id)).order_by(node_executions.c.id)
    return connection.execute(query).all()


def list_parent_ids(connection: Connection, keys: Sequence[int]) -> set[int]:
    """Which of these node executions have children."""
    if not keys:
        return set()
    query = select(node_executions.c.parent_id).where(node_executions.c.parent_id.in_(keys)).distinct()
    return {row.parent_id for row in connection.execute(query)}


def _task_identity(id: identifier_pb2.TaskExecutionIdentifier) -> dict[str, str | int]:
    return {
        **_node_identity(id.node_execution_id),
        "retry_attempt": id.retry_attempt,
        "project": id.task_id.project,
        "domain": id.task_id.domain,
        "name": id.task_id.name,
        "version": id.task_id.version,
    }


def list_parent_task_ids(connection: Connection, keys: Sequence[int]) -> set[int]:
    """Which of these task executions launched node executions by themselves."""
    if not keys:
        return set()
    column = node_executions.c.parent_task_execution_id
    return {row[0] for row in connection.execute(select(column).where(column.in_(keys)).distinct())}


def get_task(connection: Connection, id: identifier_pb2.TaskExecutionIdentifier) -> Row[Any] | None:
    return connection.execute(_GET_TASK, _task_identity(id)).one_or_none()


def find_attempt(
    connection: Connection, id: identifier_pb2.NodeExecutionIdentifier, retry_attempt: int
) -> Row[Any] | None:
    """The first task execution of a node with this attempt."""
    task = task_executions.c
    query = select(task_executions).where(
        of_execution(task_executions, id.execution_id),
        task.node_id == id.node_id,
        task.retry_attempt == retry_attempt,
    )
    return connection.execute(query.order_by(task.id).limit(1)).one_or_none()


def insert_task(connection: Connection, id: identifier_pb2.TaskExecutionIdentifier, **values: Any) -> int:
    return int(connection.execute(_INSERT_TASK, {**_task_identity(id), **values}).scalar_one())


def list_tasks_of_execution(
    connection: Connection, id: identifier_pb2.WorkflowExecutionIdentifier
) -> Sequence[Row[Any]]:
    query = select(task_executions).where(of_execution(task_executions, id)).order_by(task_executions.c.id)
    return connection.execute(query).all()


def lock_launch_plan(connection: Connection, id: identifier_pb2.Identifier) -> None:
    """Makes others that lock any version of it wait; SQLite's writers wait for each other anyway."""
    plans = schema.launch_plans
    query = select(plans.c.id).where(
        plans.c.project == id.project, plans.c.domain == id.domain, plans.c.name == id.name
    )
    connection.execute(query.order_by(plans.c.id).with_for_update())


def count_running(connection: Connection, id: identifier_pb2.Identifier) -> int:
    """Executions of any version of a launch plan that are queued or running."""
    plans = schema.launch_plans
    query = (
        select(func.count())
        .select_from(executions)
        .join(plans, executions.c.launch_plan_id == plans.c.id)
        .where(
            plans.c.project == id.project,
            plans.c.domain == id.domain,
            plans.c.name == id.name,
            executions.c.phase.in_(["UNDEFINED", "QUEUED", "RUNNING"]),
        )
    )
    return int(connection.execute(query).scalar_one())
