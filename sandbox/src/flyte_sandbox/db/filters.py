"""Flyte's filter strings, parsed: ``fn(field, value)`` terms joined by ``+``. Pure.

Source: flyteadmin pkg/manager/impl/util/filters.go, pkg/common/filters.go.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from flyte_sandbox.errors import InvalidArgument

_TERM = re.compile(r"(.+)\((.+),\s?(.+)\)", re.DOTALL)
FUNCTIONS = (
    "eq", "ne", "gt", "gte", "lt", "lte", "contains", "not_like", "value_in", "value_not_in",
)  # fmt: skip
_LISTS = frozenset({"value_in", "value_not_in"})
_PREFIXES = {
    "task": "task",
    "workflow": "workflow",
    "launch_plan": "launch_plan",
    "execution": "execution",
    "node_execution": "node_execution",
    "task_execution": "task_execution",
    "entities": "entities",
    "named_entity_metadata": "named_entity_metadata",
    "project": "project",
    "signal": "signal",
    "admin_tag": "execution_tag",
    "execution_admin_tag": "execution_tag",
    "execution_tag": "execution_tag",
}


@dataclass(frozen=True)
class Filter:
    """One term.

    :param entity: whose column it names; empty for the listed entity itself.
    :param values: one, or several for ``value_in`` and ``value_not_in``.
    """

    function: str
    entity: str
    field: str
    values: tuple[str, ...]


def parse(text: str) -> list[Filter]:
    """:raises InvalidArgument: for a term that is none or a function that Flyte does not have."""
    return [_parse_term(term) for term in text.split("+")] if text else []


def _parse_term(term: str) -> Filter:
    match = _TERM.fullmatch(term)
    if not match:
        raise InvalidArgument("invalid value for filters")
    function, name, value = match.groups()
    if function not in FUNCTIONS:
        raise InvalidArgument(f"unrecognized filter function: {function}")
    prefix, dot, field = name.partition(".")
    entity, field = (_PREFIXES[prefix], field) if prefix in _PREFIXES and dot else ("", name)
    if entity == "execution_tag" and prefix == "admin_tag" and field == "name":
        field = "key"
    values = tuple(value.split(";"))
    if len(values) > 1 and function not in _LISTS:
        # The real one hands the list to its database, which refuses it.
        raise InvalidArgument(f"invalid value for filters: '{function}' takes a single value")
    return Filter(function, entity, field, values)
