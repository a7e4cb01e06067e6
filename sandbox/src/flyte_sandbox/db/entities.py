"""Rows of tasks, workflows and launch plans: the three registered kinds share one shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flyteidl.core import identifier_pb2
from sqlalchemy import ColumnElement, Connection, Row, Table, and_, insert, select, update

from flyte_sandbox.db import schema
from flyte_sandbox.db.listing import Page, Resource, order_of_groups

TABLES: dict[int, Table] = {
    identifier_pb2.TASK: schema.tasks,
    identifier_pb2.WORKFLOW: schema.workflows,
    identifier_pb2.LAUNCH_PLAN: schema.launch_plans,
}


def _is(table: Table, id: identifier_pb2.Identifier) -> ColumnElement[bool]:
    names = ("project", "domain", "name", "version")
    return and_(*(table.c[name] == getattr(id, name) for name in names))


def get(connection: Connection, id: identifier_pb2.Identifier) -> Row[Any] | None:
    """:param id: its resource type says which table."""
    table = TABLES[id.resource_type]
    return connection.execute(select(table).where(_is(table, id))).one_or_none()


def get_message(connection: Connection, resource_type: int, key: int) -> bytes:
    """The serialised message of a row that is known to be there."""
    table = TABLES[resource_type]
    return bytes(connection.execute(select(table.c.message).where(table.c.id == key)).scalar_one())


def insert_row(connection: Connection, id: identifier_pb2.Identifier, **values: Any) -> int:
    """:raises IntegrityError: when the version exists."""
    table = TABLES[id.resource_type]
    identity = {name: getattr(id, name) for name in ("project", "domain", "name", "version")}
    result = connection.execute(insert(table).values(**identity, **values).returning(table.c.id))
    return int(result.scalar_one())


def update_row(connection: Connection, id: identifier_pb2.Identifier, **values: Any) -> None:
    table = TABLES[id.resource_type]
    connection.execute(update(table).where(_is(table, id)).values(**values))


def list_ids(
    connection: Connection, resource: Resource, project: str, domain: str, page: Page
) -> Sequence[Row[Any]]:
    """:return: rows with distinct names, in order of name unless the page says otherwise.

    :raises InvalidArgument: for a sort key that names no column.
    """
    columns = resource.table.c
    query = (
        select(columns.name)
        .where(columns.project == project, columns.domain == domain)
        .group_by(columns.name)
        .order_by(*order_of_groups(resource, page, columns.name))
    )
    return connection.execute(query.limit(page.limit).offset(page.offset)).all()


def get_active_launch_plan(connection: Connection, project: str, domain: str, name: str) -> Row[Any] | None:
    table = schema.launch_plans
    query = select(table).where(
        table.c.project == project, table.c.domain == domain, table.c.name == name, table.c.state == 1
    )
    return connection.execute(query).one_or_none()
