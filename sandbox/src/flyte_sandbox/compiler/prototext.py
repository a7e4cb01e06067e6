"""Messages as one line of text, the way Go prints them (``simple:INTEGER``), for error messages only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message


def one_line(message: Message | None) -> str:
    """:return: the set fields in order, maps sorted by key; ``<nil>`` for None."""
    return "<nil>" if message is None else " ".join(_fields(message))


def _fields(message: Message) -> Iterator[str]:
    for field, value in message.ListFields():
        if _is_map(field):
            yield from (f"{field.name}:{{{_entry(field, key, value[key])}}}" for key in sorted(value))
        elif field.is_repeated:
            yield from (f"{field.name}:{_value(field, item)}" for item in value)
        else:
            yield f"{field.name}:{_value(field, value)}"


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def _entry(field: FieldDescriptor, key: Any, value: Any) -> str:
    assert field.message_type is not None
    parts = field.message_type.fields_by_name
    return f"key:{_scalar(parts['key'], key)} value:{_value(parts['value'], value)}"


def _value(field: FieldDescriptor, value: Any) -> str:
    return f"{{{one_line(value)}}}" if field.message_type is not None else _scalar(field, value)


def _scalar(field: FieldDescriptor, value: Any) -> str:
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return known.name if known else str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)
