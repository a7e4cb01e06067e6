"""Messages with something in every field, so that nothing can get lost on the way unseen."""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

_DEPTH = 4
_TEXTS = "ab/c=d&e+f%g h;ü"


def fill(message: Message, depth: int = 0, is_flat: bool = False) -> Any:
    """:param is_flat: leave out what a query cannot say: messages that repeat, and maps of messages.

    :return: ``message``, with every field set that a oneof and the depth allow.
    """
    taken: set[str] = set()
    for field in message.DESCRIPTOR.fields:
        oneof = field.containing_oneof.name if field.containing_oneof else field.name
        if oneof not in taken and _fill_field(message, field, depth, is_flat):
            taken.add(oneof)
    return message


def _fill_field(message: Any, field: Any, depth: int, is_flat: bool) -> bool:
    value = getattr(message, field.name)
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        return _fill_map(value, kind.fields_by_name["value"], depth, is_flat)
    if kind is None:
        scalar = _scalar(field)
        value.extend([scalar, scalar]) if field.is_repeated else setattr(message, field.name, scalar)
        return True
    if field.is_repeated:
        return not is_flat and depth < _DEPTH and fill(value.add(), depth + 1) is not None
    return _fill_message(value, depth, is_flat)


def _fill_map(value: Any, of: Any, depth: int, is_flat: bool) -> bool:
    if of.message_type is None:
        value["k.1"] = _scalar(of)
        return True
    return not is_flat and depth < _DEPTH and fill(value["k"], depth + 1) is not None


def _fill_message(value: Any, depth: int, is_flat: bool) -> bool:
    name = value.DESCRIPTOR.full_name
    if name == "google.protobuf.Timestamp":
        value.FromJsonString("2026-11-22T10:00:00.123456Z")
    elif name == "google.protobuf.Duration":
        value.FromMilliseconds(90_500)
    elif name == "google.protobuf.Struct":
        value.update({"a": [1.5, None, {"b": _TEXTS}]})
    elif name in ("google.protobuf.Any", "google.protobuf.Value", "google.protobuf.ListValue"):
        return False
    else:
        if depth >= _DEPTH:
            return False
        value.SetInParent()
        fill(value, depth + 1, is_flat)
    return True


def _scalar(field: Any) -> Any:
    if field.enum_type is not None:
        return field.enum_type.values[-1].number
    return {
        FieldDescriptor.CPPTYPE_STRING: b"\xfb\xff\x00"
        if field.type == FieldDescriptor.TYPE_BYTES
        else _TEXTS,
        FieldDescriptor.CPPTYPE_BOOL: True,
        FieldDescriptor.CPPTYPE_DOUBLE: 0.1,
        FieldDescriptor.CPPTYPE_FLOAT: 0.5,
        FieldDescriptor.CPPTYPE_INT64: 2**53 + 1,
        FieldDescriptor.CPPTYPE_UINT64: 2**63 + 1,
    }.get(field.cpp_type, 7)
