"""What differs between the registered entity and the one sent under the same version.

Source of the text: flyteadmin pkg/errors/errors.go. It lists only paths that both have; here added and
removed ones are listed as well, since they are the usual case.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

MAX_DIFFERENCES = 50
_ABSENT = object()


def describe_difference(old: Message, new: Message) -> str:
    """:return: ``path:``, lines ``- old`` and ``+ new`` for each difference; paths are JSON pointers."""
    found = list(_compare("", _plain(old), _plain(new)))
    lines = [_describe(*difference) for difference in found[:MAX_DIFFERENCES]]
    if len(found) > MAX_DIFFERENCES:
        lines.append(f"... and {len(found) - MAX_DIFFERENCES} more differences")
    return "\n".join(lines)


def _describe(path: str, old: object, new: object) -> str:
    lines = [f"{path or '/'}:"]
    if old is not _ABSENT:
        lines.append(f"\n\t- {_text(old)} ")
    if new is not _ABSENT:
        lines.append(f"\n\t+ {_text(new)}")
    return "".join(lines)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _compare(path: str, old: Any, new: Any) -> Iterator[tuple[str, object, object]]:
    if isinstance(old, dict) and isinstance(new, dict):
        keys: list[Any] = sorted(old.keys() | new.keys())
        steps = [(_escape(key), old.get(key, _ABSENT), new.get(key, _ABSENT)) for key in keys]
    elif isinstance(old, list) and isinstance(new, list):
        steps = [
            (str(i), old[i] if i < len(old) else _ABSENT, new[i] if i < len(new) else _ABSENT)
            for i in range(max(len(old), len(new)))
        ]
    else:
        if repr(old) != repr(new):  # NaN is itself here, and -0.0 is not 0.0
            yield path, old, new
        return
    for key, left, right in steps:
        yield from _compare(f"{path}/{key}", left, right)


def _escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _plain(message: Message) -> dict[str, Any]:
    """Like proto JSON, but it cannot fail: a client may send a NaN in a Struct or a date out of range."""
    return {field.json_name: _plain_field(field, value) for field, value in message.ListFields()}


def _plain_field(field: FieldDescriptor, value: Any) -> Any:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        inner = field.message_type.fields_by_name["value"]
        return {str(key): _plain_value(inner, value[key]) for key in value}
    if field.is_repeated:
        return [_plain_value(field, item) for item in value]
    return _plain_value(field, value)


def _plain_value(field: FieldDescriptor, value: Any) -> Any:
    if field.message_type is not None:
        return _plain(value)
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return known.name if known else value
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value
