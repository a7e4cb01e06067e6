"""The HTTP API as a Swagger 2.0 document, read off the same descriptors as the routes themselves.

Source: flyteadmin pkg/server/service.go serves its own under ``/api/v1/openapi``. Field names are those that
an answer has unless one asks for ``application/json``.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from flyte_sandbox import FLYTE_VERSION
from flyte_sandbox.web.forms import JSON, PROTOBUF
from flyte_sandbox.web.routes import Route, Routes

Tree = dict[str, Any]

_SCALARS: dict[int, Tree] = {
    FieldDescriptor.TYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.TYPE_BYTES: {"type": "string", "format": "byte"},
    FieldDescriptor.TYPE_DOUBLE: {"type": "number", "format": "double"},
    FieldDescriptor.TYPE_FLOAT: {"type": "number", "format": "float"},
    FieldDescriptor.TYPE_INT32: {"type": "integer", "format": "int32"},
    FieldDescriptor.TYPE_INT64: {"type": "string", "format": "int64"},
    FieldDescriptor.TYPE_STRING: {"type": "string"},
    FieldDescriptor.TYPE_UINT32: {"type": "integer", "format": "int64"},
    FieldDescriptor.TYPE_UINT64: {"type": "string", "format": "uint64"},
}
_WELL_KNOWN: dict[str, Tree] = {
    "google.protobuf.Any": {"type": "object"},
    "google.protobuf.BoolValue": {"type": "boolean"},
    "google.protobuf.Duration": {"type": "string"},
    "google.protobuf.Struct": {"type": "object"},
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Value": {},
}


@functools.cache
def document() -> Tree:
    """:return: the whole document; the same object each time, not to be changed."""
    paths: Tree = {}
    messages: dict[str, Any] = {}
    for route in sorted(Routes(), key=lambda route: (route.segments, route.verb)):
        for descriptor in (route.request.DESCRIPTOR, route.response):
            _collect(descriptor, messages)
        paths.setdefault("/" + "/".join(route.segments), {})[route.verb.lower()] = _operation(route)
    return {
        "swagger": "2.0",
        "info": {"title": "flyteidl/service", "version": FLYTE_VERSION},
        "consumes": [JSON, PROTOBUF],
        "produces": [JSON, PROTOBUF],
        "paths": paths,
        "definitions": {name: _definition(messages[name]) for name in sorted(messages)},
    }


def _operation(route: Route) -> Tree:
    service, _, method = route.rpc.removeprefix("/").rpartition("/")
    return {
        "operationId": f"{service.rpartition('.')[2]}_{method}",
        "tags": [service.rpartition(".")[2]],
        "parameters": list(_parameters(route)),
        "responses": {"200": {"description": "A successful response.", "schema": _reference(route.response)}},
    }


def _parameters(route: Route) -> Iterator[Tree]:
    for name in sorted(route.fields):
        yield {"name": name, "in": "path", "required": True, "type": "string"}
    if route.has_body:
        schema = _reference(route.request.DESCRIPTOR)
        yield {"name": "body", "in": "body", "required": True, "schema": schema}
        return
    for name, field in _query(route.request.DESCRIPTOR, "", ()):
        if name not in route.fields:
            yield {"name": name, "in": "query", "required": False, **_parameter_type(field)}


def _query(descriptor: Any, prefix: str, above: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """What a query may set: all but messages that repeat, and those that would go on for ever."""
    for field in descriptor.fields:
        name, message = prefix + field.name, field.message_type
        if message is None or message.full_name in _WELL_KNOWN:
            yield name, field
        elif not field.is_repeated and message.full_name not in above:
            yield from _query(message, name + ".", (*above, descriptor.full_name))


def _parameter_type(field: Any) -> Tree:
    schema = _schema(field)
    if "$ref" in schema or schema.get("type") == "object":
        return {"type": "string"}
    return {**schema, "collectionFormat": "multi"} if schema.get("type") == "array" else schema


def _collect(descriptor: Any, messages: dict[str, Any]) -> None:
    if descriptor.full_name in messages or descriptor.full_name in _WELL_KNOWN:
        return
    if not descriptor.GetOptions().map_entry:
        messages[descriptor.full_name] = descriptor
    for field in descriptor.fields:
        if field.message_type is not None:
            _collect(field.message_type, messages)


def _definition(descriptor: Any) -> Tree:
    return {
        "type": "object",
        "properties": {field.json_name: _schema(field) for field in descriptor.fields},
    }


def _schema(field: Any) -> Tree:
    message = field.message_type
    if message is not None and message.GetOptions().map_entry:
        return {"type": "object", "additionalProperties": _one(message.fields_by_name["value"])}
    return {"type": "array", "items": _one(field)} if field.is_repeated else _one(field)


def _one(field: Any) -> Tree:
    if field.message_type is not None:
        return _reference(field.message_type)
    if field.enum_type is not None:
        return {"type": "string", "enum": [value.name for value in field.enum_type.values]}
    return _SCALARS[field.type]


def _reference(descriptor: Any) -> Tree:
    return _WELL_KNOWN.get(descriptor.full_name, {"$ref": f"#/definitions/{descriptor.full_name}"})
