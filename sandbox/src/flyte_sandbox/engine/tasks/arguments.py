"""Fills in the placeholders of a container's command and arguments. Pure.

Source: flyteplugins pluginmachinery/core/template/template.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgpack
from flyteidl.core import literals_pb2

_PLACEHOLDER = re.compile(r"\{\{\s*[.$]([a-zA-Z_]+)(?:\.([a-zA-Z_][a-zA-Z0-9_]*))?\s*\}\}", re.ASCII)


class ArgumentError(Exception):
    """A placeholder cannot be filled in: a permanent failure of the task."""


def fill_in(
    arguments: Iterable[str], values: Mapping[str, str], inputs: literals_pb2.LiteralMap
) -> list[str]:
    """:param values: by placeholder in lower case, such as ``outputprefix``.

    :raises ArgumentError: for an input that is unknown or cannot be text. Unknown placeholders stay as
        they are.
    """

    def replace(match: re.Match[str]) -> str:
        name, member = match.group(1).lower(), match.group(2)
        if name == "inputs" and member:
            return _render_input(member, inputs)
        if member is None and name in values:
            return values[name]
        return match.group(0)

    return [_PLACEHOLDER.sub(replace, argument) for argument in arguments]


def _render_input(name: str, inputs: literals_pb2.LiteralMap) -> str:
    if name not in inputs.literals:
        raise ArgumentError(f"requested input '{name}' is not among the task's inputs")
    return _render(name, inputs.literals[name])


def _render(name: str, literal: literals_pb2.Literal) -> str:
    match literal.WhichOneof("value"):
        case "collection":
            return "[" + ",".join(_render(name, item) for item in literal.collection.literals) + "]"
        case "scalar":
            return _render_scalar(name, literal.scalar)
        case kind:
            raise ArgumentError(f"input '{name}' of kind {kind} cannot be put into an argument")


def _render_scalar(name: str, scalar: literals_pb2.Scalar) -> str:
    match scalar.WhichOneof("value"):
        case "primitive":
            return _render_primitive(scalar.primitive)
        case "blob":
            return str(scalar.blob.uri)
        case "schema":
            return str(scalar.schema.uri)
        case "binary":
            return str(msgpack.unpackb(scalar.binary.value, strict_map_key=False))
        case kind:
            raise ArgumentError(f"input '{name}' of kind {kind} cannot be put into an argument")


def _render_primitive(primitive: literals_pb2.Primitive) -> str:
    kind = primitive.WhichOneof("value")
    value: Any = getattr(primitive, kind) if kind else ""
    match kind:
        case "boolean":
            return "true" if value else "false"
        case "float_value":
            return f"{value:g}" if value == int(value) and abs(value) < 1e21 else repr(value)
        case "datetime":
            return str(value.ToJsonString())
        case "duration":
            return " ".join(f"{name}:{part}" for name, part in _duration_parts(value) if part)
        case _:
            return str(value)


def _duration_parts(duration: Any) -> list[tuple[str, int]]:
    return [("seconds", duration.seconds), ("nanos", duration.nanos)]
