"""Literals as trees that a template can walk: text, addresses, lists and maps."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import msgpack
from flyteidl.core import literals_pb2
from google.protobuf import json_format

_MAX_ITEMS = 100
_MAX_CHARACTERS = 4000


@dataclass
class Value:
    """:param kind: ``text``, ``code``, ``uri``, ``list`` or ``map``.

    :param entries: names (empty in a list) and values.
    :param left_out: how many entries there are besides.
    """

    kind: str
    text: str = ""
    entries: list[tuple[str, Value]] = field(default_factory=list)
    left_out: int = 0


def from_map(literals: literals_pb2.LiteralMap) -> list[tuple[str, Value]]:
    return [(name, from_literal(literals.literals[name])) for name in sorted(literals.literals)]


def from_literal(literal: literals_pb2.Literal) -> Value:
    which = literal.WhichOneof("value")
    if which == "collection":
        return _many("list", [("", item) for item in literal.collection.literals])
    if which == "map":
        return _many("map", sorted(literal.map.literals.items()))
    if which == "offloaded_metadata":
        return Value("uri", literal.offloaded_metadata.uri)
    return _from_scalar(literal.scalar) if which == "scalar" else Value("text", "nothing")


def _many(kind: str, items: list[tuple[str, literals_pb2.Literal]]) -> Value:
    entries = [(name, from_literal(item)) for name, item in items[:_MAX_ITEMS]]
    return Value(kind, entries=entries, left_out=max(0, len(items) - _MAX_ITEMS))


def _from_scalar(scalar: literals_pb2.Scalar) -> Value:
    which = scalar.WhichOneof("value")
    if which == "primitive":
        return Value("text", _cut(_primitive(scalar.primitive)))
    if which in ("blob", "schema", "structured_dataset"):
        return Value("uri", getattr(scalar, which).uri)
    if which == "union":
        return from_literal(scalar.union.value)
    if which == "binary":
        return _binary(scalar.binary)
    if which == "generic":
        return _code(json_format.MessageToDict(scalar.generic))
    if which == "error":
        return Value("text", _cut(scalar.error.message))
    return Value("text", "None")


def _primitive(primitive: literals_pb2.Primitive) -> str:
    which = primitive.WhichOneof("value")
    if which == "datetime":
        return str(primitive.datetime.ToJsonString())
    if which == "duration":
        return str(primitive.duration.ToTimedelta())
    value = getattr(primitive, which) if which else None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _binary(binary: literals_pb2.Binary) -> Value:
    if binary.tag == "msgpack":
        try:
            return _code(msgpack.unpackb(binary.value, strict_map_key=False))
        except ValueError:  # not what its tag says: shown as what it is, bytes
            pass
    return Value("text", f"{len(binary.value)} bytes" + (f" of {binary.tag}" if binary.tag else ""))


def _code(value: Any) -> Value:
    return Value("code", _cut(json.dumps(value, indent=2, ensure_ascii=False, default=str)))


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_CHARACTERS else f"{text[:_MAX_CHARACTERS]} … ({len(text)} characters)"
