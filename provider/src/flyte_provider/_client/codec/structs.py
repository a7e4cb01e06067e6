"""Dataclasses, pydantic models and plain dicts as msgpack, checked against the JSON schema of their type.

Source of the encoding: flytekit.core.type_engine (DataclassTransformer, dict_to_binary_literal) since 1.14.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import Enum
from os import PathLike, fspath
from typing import Any

import msgpack
from google.protobuf import json_format, struct_pb2

from flyte_provider._client.codec.text_values import to_iso_duration
from flyte_provider._client.codec.type_names import name_value
from flyte_provider.exceptions import FlyteInputError

Schema = dict[str, Any]
_NAMES = {
    "integer": "int", "number": "float", "string": "str", "boolean": "bool",
    "null": "None", "array": "list", "object": "dict",
}  # fmt: skip


def pack_struct(value: Any, metadata: struct_pb2.Struct, path: str) -> bytes:
    """Return ``value`` as msgpack.

    :param value: a mapping, a dataclass or a pydantic model; for an untyped dict a list will do too
    :param metadata: the type's JSON schema, empty for an untyped dict
    :param path: names the place in messages, as in ``input 'x'``
    :raises FlyteInputError: when the value does not fit the schema or is no plain value
    """
    schema: Schema = json_format.MessageToDict(metadata)
    plain = _Checker(schema).check(value, schema, path)
    return bytes(msgpack.packb(plain))


def to_plain(value: Any, path: str, form: str = "") -> Any:
    """Return a value as JSON has it: dicts with text keys, lists, numbers, text, None.

    :param form: the schema's ``format``; a duration is seconds to dataclasses and ISO 8601 to pydantic
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        return {name: to_plain(getattr(value, name), path) for name in names}
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, timedelta):
        return to_iso_duration(value) if form == "duration" else value.total_seconds()
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, PathLike):
        return fspath(value)
    return _plain_container(value, path)


def _plain_container(value: Any, path: str) -> Any:
    if isinstance(value, Mapping):
        if strange := [key for key in value if not isinstance(key, (str, int))]:
            raise FlyteInputError(f"{path}: expected text keys, got {name_value(strange[0])}")
        return {key: to_plain(item, f"{path}.{key}") for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_plain(item, f"{path}[{index}]") for index, item in enumerate(value)]
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return value
    raise FlyteInputError(
        f"{path}: expected a plain value (dict, list, number, text), got {name_value(value)}"
    )


class _Checker:
    """Walks a value and a JSON schema side by side.

    Only what flytekit's schemas say is understood (mashumaro's and pydantic's); a keyword that is not known
    allows everything, since the task itself checks again. Numbers become float where the schema says so.
    """

    def __init__(self, root: Schema) -> None:
        self._root = root

    def check(self, value: Any, schema: Any, path: str) -> Any:
        schema = self._resolve(schema)
        value = value if isinstance(value, Mapping) else self._open(value, schema, path)
        if "anyOf" in schema:
            return self._check_any(value, schema["anyOf"], path)
        if "enum" in schema:
            return self._check_enum(value, schema["enum"], path)
        check = getattr(self, f"_check_{schema.get('type', 'anything')}", None)
        return check(value, schema, path) if check else to_plain(value, path)

    def _open(self, value: Any, schema: Schema, path: str) -> Any:
        """Lists stay as they are, to be checked item by item; everything else becomes plain now."""
        if isinstance(value, (list, tuple)):
            return list(value)
        return to_plain(value, path, str(schema.get("format", "")))

    def _resolve(self, schema: Any) -> Schema:
        seen = 0
        while isinstance(schema, dict) and "$ref" in schema and seen < 32:
            target: Any = self._root
            for part in str(schema["$ref"]).removeprefix("#/").split("/"):
                target = target.get(part, {}) if isinstance(target, dict) else {}
            schema, seen = target, seen + 1
        return schema if isinstance(schema, dict) else {}

    def _wrong(self, expected: str, value: Any, path: str) -> FlyteInputError:
        return FlyteInputError(f"{path}: expected {expected}, got {name_value(value)}")

    def _check_any(self, value: Any, variants: list[Any], path: str) -> Any:
        problems = []
        for variant in variants:
            try:
                return self.check(value, variant, path)
            except FlyteInputError as exc:
                problems.append((self._describe(variant), exc))
        # With None as the only alternative, what is wrong inside the other one is the better message.
        real = [problem for described, problem in problems if described != "None"]
        if len(real) == 1 and value is not None:
            raise real[0]
        raise self._wrong(" | ".join(described for described, _ in problems), value, path)

    def _describe(self, schema: Any) -> str:
        schema = self._resolve(schema)
        kind = str(schema.get("type", ""))
        return str(schema.get("title") or _NAMES.get(kind, kind or "a value"))

    def _check_enum(self, value: Any, allowed: list[Any], path: str) -> Any:
        if value not in allowed:
            raise self._wrong("one of " + ", ".join(repr(item) for item in allowed), value, path)
        return value

    def _check_integer(self, value: Any, schema: Schema, path: str) -> Any:
        if type(value) is not int:
            raise self._wrong("int", value, path)
        return value

    def _check_number(self, value: Any, schema: Schema, path: str) -> Any:
        if type(value) not in (int, float):
            raise self._wrong("float", value, path)
        return float(value)

    def _check_string(self, value: Any, schema: Schema, path: str) -> Any:
        if not isinstance(value, str):
            raise self._wrong("str", value, path)
        return value

    def _check_boolean(self, value: Any, schema: Schema, path: str) -> Any:
        if not isinstance(value, bool):
            raise self._wrong("bool", value, path)
        return value

    def _check_null(self, value: Any, schema: Schema, path: str) -> Any:
        if value is not None:
            raise self._wrong("None", value, path)
        return value

    def _check_array(self, value: Any, schema: Schema, path: str) -> Any:
        if not isinstance(value, list):
            raise self._wrong("list", value, path)
        first = schema.get("prefixItems", [])
        if first and len(value) != len(first):
            raise self._wrong(f"list of {len(first)}", value, path)
        kinds = [*first, *[schema.get("items", {})] * (len(value) - len(first))]
        pairs = enumerate(zip(value, kinds, strict=True))
        return [self.check(item, kind, f"{path}[{index}]") for index, (item, kind) in pairs]

    def _check_object(self, value: Any, schema: Schema, path: str) -> Any:
        if not isinstance(value, Mapping):
            raise self._wrong(f"dict ({schema['title']})" if schema.get("title") else "dict", value, path)
        properties: Schema = schema.get("properties", {})
        others = schema.get("additionalProperties", not properties)
        for key in value:
            if key not in properties and others is False:
                raise FlyteInputError(
                    f"{path}: unknown field {key!r}{did_you_mean(str(key), list(properties))}"
                )
        if missing := [key for key in schema.get("required", []) if key not in value]:
            raise FlyteInputError(f"{path}: missing field {missing[0]!r}")
        return {
            key: self.check(item, properties.get(key, others), f"{path}.{key}") for key, item in value.items()
        }


def did_you_mean(wrong: str, known: list[str]) -> str:
    """Return ``; did you mean …?`` when something known is close, else an empty text."""
    cutoff = 0.8 if "." in wrong else 0.6  # dotted names of one project are alike without being meant
    written = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(wrong.casefold(), list(written), n=3, cutoff=cutoff)
    return f"; did you mean {' or '.join(repr(written[name]) for name in close)}?" if close else ""
