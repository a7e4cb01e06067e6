"""Pages of rows: filters and sort keys become SQL for one of the listable resources.

Source: flyteadmin pkg/repositories/gormimpl, pkg/common/sorting.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    LargeBinary,
    Row,
    Select,
    String,
    and_,
    asc,
    cast,
    desc,
    func,
    null,
    select,
)

from flyte_sandbox.db import schema
from flyte_sandbox.db.filters import Filter
from flyte_sandbox.db.times import to_micros
from flyte_sandbox.errors import InvalidArgument

_TIME_COLUMNS = frozenset(
    {
        "created_at", "updated_at", "deleted_at", "started_at", "execution_created_at",
        "execution_updated_at",
        "node_execution_created_at", "node_execution_updated_at",
        "task_execution_created_at", "task_execution_updated_at",
    }
)  # fmt: skip
_OLD_NAMES = {
    "CreatedAt": "created_at",
    "UpdatedAt": "updated_at",
    "DeletedAt": "deleted_at",
    "StartedAt": "started_at",
}
_NEVER = cast(null(), BigInteger)
"""Every table of Flyte has ``deleted_at``, and nothing is ever deleted."""
_PATTERNS = frozenset({"contains", "not_like"})
_MAX_NUMBER = 2**63 - 1

_CODES = {
    "task": "t", "workflow": "w", "launch_plan": "l", "execution": "e", "node_execution": "ne",
    "task_execution": "te", "entities": "nen", "named_entity_metadata": "nem", "project": "p", "signal": "s",
    "execution_tag": "et",
}  # fmt: skip
"""What messages call the entities. Source: flyteadmin pkg/common/entity.go."""

_OPERATORS: Mapping[str, Callable[[ColumnElement[Any], Sequence[Any]], ColumnElement[bool]]] = {
    "eq": lambda column, values: column == values[0],
    "ne": lambda column, values: column != values[0],
    "gt": lambda column, values: column > values[0],
    "gte": lambda column, values: column >= values[0],
    "lt": lambda column, values: column < values[0],
    "lte": lambda column, values: column <= values[0],
    "contains": lambda column, values: column.like(f"%{values[0]}%"),
    "not_like": lambda column, values: column.not_like(values[0]),
    "value_in": lambda column, values: column.in_(values),
    "value_not_in": lambda column, values: column.not_in(values),
}


@dataclass(frozen=True)
class Resource:
    """A table that can be listed, and the others that its filters may reach.

    :param joins: by entity, the table and the condition that joins it to ours.
    :param synonyms: further prefixes that mean our own table.
    :param tie: the column that orders rows with equal sort keys.
    """

    entity: str
    table: FromClause
    joins: Mapping[str, tuple[FromClause, ColumnElement[bool]]] = field(default_factory=dict)
    synonyms: frozenset[str] = frozenset()
    tie: str = "id"

    def is_own(self, entity: str) -> bool:
        return entity in ("", self.entity) or entity in self.synonyms


@dataclass(frozen=True)
class Page:
    """:param limit: 0 means all of them."""

    limit: int
    offset: int = 0
    filters: Sequence[Filter] = ()
    sort_key: str = ""
    descending: bool = True
    has_sort: bool = False


_executions = schema.executions.c

TASKS = Resource("task", schema.tasks)
WORKFLOWS = Resource("workflow", schema.workflows)
LAUNCH_PLANS = Resource(
    "launch_plan",
    schema.launch_plans,
    {"workflow": (schema.workflows, schema.launch_plans.c.workflow_id == schema.workflows.c.id)},
)
EXECUTIONS = Resource(
    "execution",
    schema.executions,
    {
        "launch_plan": (schema.launch_plans, _executions.launch_plan_id == schema.launch_plans.c.id),
        "workflow": (schema.workflows, _executions.workflow_id == schema.workflows.c.id),
        "task": (schema.tasks, _executions.task_id == schema.tasks.c.id),
        "execution_tag": (schema.execution_tags, schema.execution_tags.c.execution_id == _executions.id),
    },
)


def _same_execution(table: FromClause) -> ColumnElement[bool]:
    names = ("execution_project", "execution_domain", "execution_name")
    return and_(*(table.c[name] == _executions[name] for name in names))


NODE_EXECUTIONS = Resource(
    "node_execution",
    schema.node_executions,
    {"execution": (schema.executions, _same_execution(schema.node_executions))},
)
TASK_EXECUTIONS = Resource(
    "task_execution",
    schema.task_executions,
    {
        "execution": (schema.executions, _same_execution(schema.task_executions)),
        "node_execution": (
            schema.node_executions,
            and_(
                *(
                    schema.task_executions.c[name] == schema.node_executions.c[name]
                    for name in ("execution_project", "execution_domain", "execution_name", "node_id")
                )
            ),
        ),
        "task": (
            schema.tasks,
            and_(
                *(
                    schema.task_executions.c[name] == schema.tasks.c[name]
                    for name in ("project", "domain", "name", "version")
                )
            ),
        ),
    },
)
PROJECTS = Resource("project", schema.projects)
SIGNALS = Resource("signal", schema.signals)
DESCRIPTION_ENTITIES = Resource("description_entity", schema.description_entities)


def select_page(
    connection: Connection,
    resource: Resource,
    page: Page,
    *conditions: ColumnElement[bool],
    columns: Sequence[ColumnElement[Any]] | None = None,
) -> Sequence[Row[Any]]:
    """:raises InvalidArgument: for a filter or a sort key that names no column."""
    query: Select[Any] = select(*columns) if columns else select(resource.table)
    query = query.where(*conditions)
    query = _apply_filters(query, resource, page.filters)
    query = query.order_by(*_order(resource, page)).offset(page.offset)
    return connection.execute(query.limit(page.limit) if page.limit else query).all()


def _apply_filters(query: Select[Any], resource: Resource, filters: Sequence[Filter]) -> Select[Any]:
    tagged = [one for one in filters if one.entity == "execution_tag"]
    others = [one for one in filters if one.entity != "execution_tag"]
    for entity in dict.fromkeys(one.entity for one in others):
        if not resource.is_own(entity):
            table, condition = _join(resource, entity)
            query = query.join(table, condition)
    query = query.where(*(_condition(resource, one) for one in others))
    if tagged:
        # A semi-join: an execution with several matching tags is still one row.
        table, condition = _join(resource, "execution_tag")
        matches = select(table.c.id).where(condition, *(_condition(resource, one) for one in tagged))
        query = query.where(matches.correlate(resource.table).exists())
    return query


def _join(resource: Resource, entity: str) -> tuple[FromClause, ColumnElement[bool]]:
    if entity not in resource.joins:
        raise InvalidArgument(f"'{_code(entity)}' entity is not allowed in filters")
    return resource.joins[entity]


def _code(entity: str) -> str:
    return _CODES.get(entity, entity)


def _find_column(table: FromClause, name: str) -> tuple[str, ColumnElement[Any]] | None:
    """The column that clients mean; serialised messages and digests are nobody's business."""
    name = _OLD_NAMES.get(name, name)
    if name == "deleted_at":
        return name, _NEVER
    if name not in table.c or isinstance(table.c[name].type, LargeBinary):
        return None
    return name, table.c[name]


def _condition(resource: Resource, one: Filter) -> ColumnElement[bool]:
    table = resource.table if resource.is_own(one.entity) else _join(resource, one.entity)[0]
    found = _find_column(table, one.field)
    if found is None:
        raise InvalidArgument(f"'{_code(one.entity or resource.entity)}.{one.field}' is invalid filter")
    name, column = found
    if one.function in _PATTERNS and not isinstance(column.type, String):
        raise InvalidArgument(f"'{one.function}' compares text, and '{one.field}' is none")
    values = [_convert(name, column, value) for value in one.values]
    return _OPERATORS[one.function](column, values)


def _convert(name: str, column: ColumnElement[Any], value: str) -> Any:
    if name in _TIME_COLUMNS:
        return _parse_micros(value)
    if name == "duration":
        return round(_parse_duration_seconds(value) * 1_000_000_000)
    if column.type.python_type is int:
        return _parse_int(name, value)
    return value


def _parse_micros(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return to_micros(moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc))
    except ValueError:
        raise InvalidArgument(f"invalid time '{text}' in filters, expected RFC 3339") from None


def _parse_int(name: str, text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = _MAX_NUMBER + 1
    if abs(number) > _MAX_NUMBER:
        raise InvalidArgument(f"invalid number '{text}' for '{name}' in filters")
    return number


_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_DURATION = re.compile(r"-?(?:\d+(?:\.\d*)?(?:h|ms|m|s|us|µs|ns))+")
_DURATION_PART = re.compile(r"(\d+(?:\.\d*)?)(h|ms|m|s|us|µs|ns)")
_MAX_SECONDS = _MAX_NUMBER / 1e9


def _parse_duration_seconds(text: str) -> float:
    """Plain seconds, or a duration as Go writes it: ``1h30m``, ``250ms``."""
    try:
        seconds = float(text)
    except ValueError:
        if not _DURATION.fullmatch(text):
            raise InvalidArgument(f"invalid duration '{text}' in filters, expected seconds") from None
        seconds = sum(float(number) * _UNITS[unit] for number, unit in _DURATION_PART.findall(text))
        seconds = -seconds if text.startswith("-") else seconds
    if not abs(seconds) < _MAX_SECONDS:
        raise InvalidArgument(f"invalid duration '{text}' in filters, expected seconds")
    return seconds


def _order(resource: Resource, page: Page) -> list[Any]:
    direction = desc if page.descending else asc
    tie = resource.table.c[resource.tie]
    if not page.has_sort:
        return [asc(tie)]
    # Equal keys keep the order of insertion, newest first when descending.
    return [direction(_sort_column(resource, page)), direction(tie)]


def order_of_groups(resource: Resource, page: Page, key: ColumnElement[Any]) -> list[Any]:
    """The same for rows that are grouped by ``key``: a group counts as its highest row.

    :raises InvalidArgument: for a sort key that names no column.
    """
    if not page.has_sort:
        return [asc(key)]
    direction = desc if page.descending else asc
    return [direction(func.max(_sort_column(resource, page))), direction(key)]


def _sort_column(resource: Resource, page: Page) -> ColumnElement[Any]:
    found = _find_column(resource.table, page.sort_key)
    if found is None:
        raise InvalidArgument(f"invalid sort key '{page.sort_key}'")
    return found[1]
