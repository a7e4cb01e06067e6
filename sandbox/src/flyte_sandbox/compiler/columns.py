"""Columns of schemas and structured datasets: what is wanted must be among what is given.

No columns at all means "any", on either side. Source: flytepropeller pkg/compiler/validators/typing.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flyteidl.core import types_pb2

_COLUMN = types_pb2.SchemaType.SchemaColumn

_SIMPLE_TYPES = {
    _COLUMN.INTEGER: types_pb2.INTEGER,
    _COLUMN.FLOAT: types_pb2.FLOAT,
    _COLUMN.STRING: types_pb2.STRING,
    _COLUMN.BOOLEAN: types_pb2.BOOLEAN,
    _COLUMN.DATETIME: types_pb2.DATETIME,
    _COLUMN.DURATION: types_pb2.DURATION,
}


def is_schema_subset(given: types_pb2.SchemaType, wanted: types_pb2.SchemaType) -> bool:
    return _fits(_schema_columns(given), _schema_columns(wanted), lambda left, right: bool(left == right))


def is_dataset_subset(
    given: types_pb2.StructuredDatasetType,
    wanted: types_pb2.StructuredDatasetType,
    casts: Callable[[types_pb2.LiteralType, types_pb2.LiteralType], bool],
) -> bool:
    return _fits(_dataset_columns(given), _dataset_columns(wanted), casts)


def has_dataset_columns(given: types_pb2.SchemaType, wanted: types_pb2.StructuredDatasetType) -> bool:
    return _fits(_schema_columns(given), _dataset_columns(wanted), _is_same_column)


def has_schema_columns(given: types_pb2.StructuredDatasetType, wanted: types_pb2.SchemaType) -> bool:
    return _fits(
        _dataset_columns(given), _schema_columns(wanted), lambda left, right: _is_same_column(right, left)
    )


def _fits(given: Mapping[str, Any], wanted: Mapping[str, Any], fits: Callable[[Any, Any], bool]) -> bool:
    if not given or not wanted:
        return True
    return all(name in given and fits(given[name], wanted[name]) for name in wanted)


def _schema_columns(schema: types_pb2.SchemaType) -> dict[str, int]:
    return {column.name: column.type for column in schema.columns}


def _dataset_columns(dataset: types_pb2.StructuredDatasetType) -> dict[str, types_pb2.LiteralType]:
    return {column.name: column.literal_type for column in dataset.columns}


def _is_same_column(schema_column: int, literal_type: types_pb2.LiteralType) -> bool:
    return bool(_SIMPLE_TYPES.get(schema_column) == literal_type.simple)
