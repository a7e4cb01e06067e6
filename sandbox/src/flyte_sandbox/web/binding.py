"""Puts strings from a path or a query into the fields of a request.

Source: grpc-gateway v2 runtime/query.go.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Container, MutableMapping
from datetime import timedelta
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from flyte_sandbox.errors import InvalidArgument

_MAP_KEY = re.compile(r"(.+)\[(.*)\]\Z", re.DOTALL)
_GO_DURATION = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|ms|s|m|h)")
_GO_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}
_BOOLEANS = {
    **dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True),
    **dict.fromkeys(("0", "f", "F", "FALSE", "false", "False"), False),
}


def bind_query(message: Message, query: dict[str, list[str]], bound: Container[str]) -> None:
    """:param query: values by key; a key names a field, nested by dots, in either style of names.

    :param bound: fields that the path has set; a query cannot change these. Keys nobody knows are skipped.
    :raises InvalidArgument: for a value that is none of its field's type.
    """
    for key, values in query.items():
        in_map = _MAP_KEY.match(key)
        name, map_key = (in_map[1], in_map[2]) if in_map else (key, None)
        path = _resolve(message.DESCRIPTOR, name)
        if path and ".".join(field.name for field in path) not in bound:
            _set(message, path, values, map_key)


def bind_path(message: Message, name: str, value: str) -> None:
    """:raises InvalidArgument: for a value that is none of its field's type."""
    path = _resolve(message.DESCRIPTOR, name)
    try:
        _set(message, path, [value], None)
    except InvalidArgument as exc:
        raise InvalidArgument(f"type mismatch, parameter: {name}, error: {exc.message}") from exc


def _resolve(descriptor: Any, name: str) -> list[FieldDescriptor]:
    """:return: the fields on the way, empty when there are none of these names."""
    path: list[FieldDescriptor] = []
    for part in name.split("."):
        field = _field(descriptor, part) if descriptor is not None else None
        if field is None:
            return []
        path.append(field)
        descriptor = field.message_type
    return path


def _field(descriptor: Any, name: str) -> FieldDescriptor | None:
    return next((field for field in descriptor.fields if name in (field.name, field.json_name)), None)


def _set(message: Message, path: list[FieldDescriptor], values: list[str], map_key: str | None) -> None:
    *parents, leaf = path
    for field in parents:
        message = getattr(message, field.name)
        if not isinstance(message, Message):
            raise InvalidArgument(f"invalid path: [{field.name}] holds many values")
    _check_oneof(message, leaf)
    value = _value(leaf, getattr(message, leaf.name), values, map_key)
    read = type(message)()
    try:
        json_format.ParseDict({leaf.name: value}, read)
    except json_format.ParseError as exc:
        raise InvalidArgument(f"parsing field [{leaf.name}]: {exc}") from exc
    message.MergeFrom(read)  # the other spelling of a name adds to what is there


def _check_oneof(message: Message, field: FieldDescriptor) -> None:
    oneof = field.containing_oneof
    if oneof is not None and message.WhichOneof(oneof.name) not in (None, field.name):
        raise InvalidArgument(f"field already set for oneof [{oneof.name}]")


def _value(field: FieldDescriptor, current: Any, values: list[str], map_key: str | None) -> Any:
    """As JSON would have it; what is no scalar and no message holds many."""
    if map_key is not None:
        if not isinstance(current, MutableMapping):
            raise InvalidArgument(f"field [{field.name}] is no map")
        return {map_key: _one(_field(field.message_type, "value"), values[-1])}
    if not isinstance(current, (str, bytes, int, float, Message)):
        return [_one(field, value) for value in values]
    if len(values) > 1:
        raise InvalidArgument(f"too many values for field [{field.name}]: {', '.join(values)}")
    return _one(field, values[0])


def _one(field: Any, text: str) -> Any:
    if field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
        return _well_known(field, text)
    read = _READERS.get(field.cpp_type, str)
    try:
        return read(text)
    except (KeyError, ValueError) as exc:
        raise InvalidArgument(f"parsing field [{field.name}]: invalid value [{text}]") from exc


def _well_known(field: Any, text: str) -> Any:
    name = field.message_type.full_name.removeprefix("google.protobuf.")
    if name == "Duration":
        return _duration(field, text)
    if name in ("Struct", "Value"):
        return _json(field, text)
    if name.endswith("Value"):
        return _one(_field(field.message_type, "value"), text)
    if name in ("Timestamp", "FieldMask"):
        return text
    raise InvalidArgument(
        f"unsupported message type for field [{field.name}]: {field.message_type.full_name}"
    )


def _duration(field: FieldDescriptor, text: str) -> str:
    """Go's spelling (``1h30m``), of which JSON's (``1.5s``) is a part."""
    parts = _GO_DURATION.findall(text)
    if not parts or "".join(parts) != text:
        raise InvalidArgument(f"parsing field [{field.name}]: invalid duration [{text}]")
    amounts = (re.fullmatch(r"(.*?)([a-zµ]+)", part) for part in parts)
    seconds = sum(float(match[1]) * _GO_UNITS[match[2]] for match in amounts if match)
    duration = Duration()
    duration.FromTimedelta(timedelta(seconds=seconds))
    return duration.ToJsonString()


def _json(field: FieldDescriptor, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as exc:
        raise InvalidArgument(f"parsing field [{field.name}]: {exc}") from exc


def _integer(text: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]+", text):  # int() would take blanks and underscores too
        raise ValueError(text)
    return int(text)


_READERS: dict[int, Callable[[str], Any]] = {
    FieldDescriptor.CPPTYPE_BOOL: _BOOLEANS.__getitem__,
    FieldDescriptor.CPPTYPE_INT32: _integer,
    FieldDescriptor.CPPTYPE_INT64: _integer,
    FieldDescriptor.CPPTYPE_UINT32: _integer,
    FieldDescriptor.CPPTYPE_UINT64: _integer,
    FieldDescriptor.CPPTYPE_FLOAT: float,
    FieldDescriptor.CPPTYPE_DOUBLE: float,
}
"""Text, bytes (base64) and enums (by name or number) are read by protobuf's own JSON."""
