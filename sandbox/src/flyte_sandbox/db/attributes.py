"""Rows of matchable attributes: defaults for a project, a project's domain or a workflow in it.

An empty domain, workflow or launch plan means all of them. The most specific row wins.
Source: flyteadmin pkg/repositories/gormimpl/resource_repo.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, select

from flyte_sandbox.db.schema import matchable_attributes as table
from flyte_sandbox.db.upserts import upsert as upsert_row

_PROJECT, _PROJECT_DOMAIN, _WORKFLOW, _LAUNCH_PLAN = 5, 10, 100, 1000
_FIELDS = ("project", "domain", "workflow", "launch_plan")


@dataclass(frozen=True)
class Scope:
    """What attributes belong to; empty fields mean everything."""

    project: str
    domain: str = ""
    workflow: str = ""
    launch_plan: str = ""

    @property
    def priority(self) -> int:
        if self.launch_plan:
            return _LAUNCH_PLAN
        if self.workflow:
            return _WORKFLOW
        return _PROJECT_DOMAIN if self.domain else _PROJECT


def _exactly(resource_type: int, scope: Scope) -> ColumnElement[bool]:
    condition = table.c.resource_type == resource_type
    for name in _FIELDS:
        condition = condition & (table.c[name] == getattr(scope, name))
    return condition


def get(connection: Connection, resource_type: int, scope: Scope) -> Row[Any] | None:
    """The row of exactly this scope."""
    return connection.execute(select(table).where(_exactly(resource_type, scope))).one_or_none()


def list_applicable(connection: Connection, scope: Scope) -> Sequence[Row[Any]]:
    """Every row that applies to ``scope``, of every resource type, the most specific last."""
    applies = (table.c[name].in_(["", getattr(scope, name)]) for name in _FIELDS)
    return connection.execute(select(table).where(*applies).order_by(table.c.priority)).all()


def upsert(connection: Connection, resource_type: int, scope: Scope, attributes: bytes, now: int) -> None:
    key = {"resource_type": resource_type, **{name: getattr(scope, name) for name in _FIELDS}}
    said = {"attributes": attributes, "updated_at": now}
    upsert_row(connection, table, key, {"priority": scope.priority, "created_at": now, **said}, said)


def delete_row(connection: Connection, resource_type: int, scope: Scope) -> None:
    """Deleting what is not there is fine."""
    connection.execute(delete(table).where(_exactly(resource_type, scope)))


def list_all(connection: Connection, resource_type: int) -> Sequence[Row[Any]]:
    return connection.execute(
        select(table).where(table.c.resource_type == resource_type).order_by(table.c.id)
    ).all()
