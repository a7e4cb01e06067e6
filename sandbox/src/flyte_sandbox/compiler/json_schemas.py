"""JSON schemas of dataclasses and models: does a value of one also fit the other?

Source of the rule: flytepropeller pkg/compiler/validators/typing.go. It accepts the same schema, or one that
has more (a subclass, further fields), and leaves the comparing to a library; this is our own, and when in
doubt it refuses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf import struct_pb2

Schema = Mapping[str, Any]

_OWN_RULE = {
    *("$schema", "$id", "$defs", "definitions", "$ref", "title", "description", "default", "examples"),
    *("additionalProperties", "properties", "required", "type", "items"),
    *("anyOf", "oneOf", "allOf", "enum", "const"),
}
"""Keywords that are handled below or say nothing about values; all others must be equal on both sides.

``additionalProperties`` is among them because flytepropeller does not compare it either.
"""


def is_assignable(given: struct_pb2.Struct, wanted: struct_pb2.Struct) -> bool:
    """:param given: the schema of what comes, ``wanted`` of what is declared."""
    if given == wanted:
        return True
    left, right = _plain_struct(given), _plain_struct(wanted)
    return _Comparison(left, right).fits(left, right)


class _Comparison:
    def __init__(self, given: Schema, wanted: Schema) -> None:
        self._roots = (given, wanted)
        self._known: dict[tuple[int, int], bool] = {}

    def fits(self, given: Any, wanted: Any) -> bool:
        if given == wanted and not _has_reference(given):
            return True
        if not isinstance(given, Mapping) or not isinstance(wanted, Mapping):
            return False
        left, right = _resolve(given, self._roots[0]), _resolve(wanted, self._roots[1])
        if left is None or right is None:
            return False
        pair = (id(left), id(right))
        if pair not in self._known:
            self._known[pair] = True  # a recursive class fits unless something else speaks against it
            self._known[pair] = self._fits_resolved(left, right)
        return self._known[pair]

    def _fits_resolved(self, given: Schema, wanted: Schema) -> bool:
        if (choices := _choices(given)) is not None:
            return all(self.fits(choice, wanted) for choice in choices)
        if (choices := _choices(wanted)) is not None:
            return any(self.fits(given, choice) for choice in choices)
        return (
            _fits_type(given.get("type"), wanted.get("type"))
            and _fits_values(given, wanted)
            and _other_keywords(given) == _other_keywords(wanted)
            and self._fits_all_of(given, wanted)
            and self._fits_properties(given, wanted)
            and self._fits_items(given, wanted)
        )

    def _fits_all_of(self, given: Schema, wanted: Schema) -> bool:
        left, right = given.get("allOf", []), wanted.get("allOf", [])
        return len(left) == len(right) and all(self.fits(*pair) for pair in zip(left, right, strict=True))

    def _fits_properties(self, given: Schema, wanted: Schema) -> bool:
        left, right = given.get("properties", {}), wanted.get("properties", {})
        return set(wanted.get("required", [])) <= set(given.get("required", [])) and all(
            name in left and self.fits(left[name], right[name]) for name in right
        )

    def _fits_items(self, given: Schema, wanted: Schema) -> bool:
        if "items" not in wanted:
            return True
        return "items" in given and self.fits(given["items"], wanted["items"])


def _choices(schema: Schema) -> list[Any] | None:
    choices = schema.get("anyOf", schema.get("oneOf"))
    return choices if isinstance(choices, list) else None


def _resolve(schema: Schema, root: Schema) -> Schema | None:
    """Follow ``$ref`` within the document; None when it leads nowhere."""
    for _ in range(100):
        reference = schema.get("$ref")
        if reference is None:
            return schema
        target: Any = root
        for step in str(reference).removeprefix("#").strip("/").split("/"):
            target = target.get(step) if isinstance(target, Mapping) else None
        if not isinstance(target, Mapping):
            return None
        schema = target
    return None


def _has_reference(schema: Any) -> bool:
    if isinstance(schema, Mapping):
        return "$ref" in schema or any(_has_reference(value) for value in schema.values())
    return isinstance(schema, list) and any(_has_reference(item) for item in schema)


def _fits_type(given: Any, wanted: Any) -> bool:
    if wanted is None:
        return True
    left, right = _as_set(given), _as_set(wanted)
    return bool(left) and all(kind in right or (kind == "integer" and "number" in right) for kind in left)


def _as_set(kinds: Any) -> set[str]:
    if kinds is None:
        return set()
    return set(kinds) if isinstance(kinds, list) else {kinds}


def _fits_values(given: Schema, wanted: Schema) -> bool:
    if "enum" not in wanted and "const" not in wanted:
        return True
    allowed = wanted.get("enum", [wanted.get("const")])
    offered = given.get("enum", [given["const"]] if "const" in given else None)
    return offered is not None and all(value in allowed for value in offered)


def _other_keywords(schema: Schema) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key not in _OWN_RULE}


def _plain_struct(struct: struct_pb2.Struct) -> dict[str, Any]:
    return {key: _plain(value) for key, value in struct.fields.items()}


def _plain(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return _plain_struct(value.struct_value)
    if kind == "list_value":
        return [_plain(item) for item in value.list_value.values]
    return None if kind in (None, "null_value") else getattr(value, kind)
