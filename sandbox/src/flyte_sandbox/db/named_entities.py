"""Named entities: the distinct names of tasks, workflows and launch plans, with what is said of them.

A name exists while a version of it is registered. Its metadata row is made by the first update; until then
the description is empty and the state ACTIVE.
Source: flyteadmin pkg/repositories/gormimpl/named_entity_repo.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Subquery, and_, func, literal, select

from flyte_sandbox.db.entities import TABLES
from flyte_sandbox.db.listing import Page, Resource, select_page
from flyte_sandbox.db.schema import named_entities
from flyte_sandbox.db.upserts import upsert as upsert_row

Name = tuple[str, str, str]
"""Project, domain, name."""


def get(connection: Connection, resource_type: int, name: Name) -> Row[Any] | None:
    """:return: a row with project, domain, name, description and state; None when nothing has that name."""
    names = _names(resource_type, *name)
    return connection.execute(select(names)).one_or_none()


def list_page(
    connection: Connection, resource_type: int, project: str, domain: str, page: Page
) -> Sequence[Row[Any]]:
    """In order of name unless the page says otherwise.

    :raises InvalidArgument: for a filter or a sort key that names no column.
    """
    names = _names(resource_type, project, domain)
    resource = Resource("entities", names, synonyms=frozenset({"named_entity_metadata"}), tie="name")
    return select_page(connection, resource, page)


def _names(resource_type: int, project: str, domain: str, name: str = "") -> Subquery:
    table = TABLES[resource_type]
    scope: list[ColumnElement[bool]] = [table.c.project == project, table.c.domain == domain]
    if name:
        scope.append(table.c.name == name)
    identity = (table.c.project, table.c.domain, table.c.name)
    registered = select(*identity).where(*scope).distinct().subquery()
    said = named_entities.c
    same_name = and_(
        said.resource_type == resource_type,
        said.project == registered.c.project,
        said.domain == registered.c.domain,
        said.name == registered.c.name,
    )
    query = select(
        literal(resource_type).label("resource_type"),
        *registered.c,
        func.coalesce(said.description, "").label("description"),
        func.coalesce(said.state, 0).label("state"),
    )
    return query.select_from(registered.outerjoin(named_entities, same_name)).subquery("entities")


def upsert(
    connection: Connection, resource_type: int, name: Name, now: int, state: int, description: str = ""
) -> None:
    """:param description: an empty one keeps what is there."""
    key = {"resource_type": resource_type, "project": name[0], "domain": name[1], "name": name[2]}
    said = {"state": state, "updated_at": now, **({"description": description} if description else {})}
    upsert_row(connection, named_entities, key, {"description": "", "created_at": now, **said}, said)
