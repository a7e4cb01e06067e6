"""When the schema of one dataclass may stand for that of another."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import struct_pb2

from flyte_sandbox.compiler.json_schemas import is_assignable

INTEGER, NUMBER, STRING = {"type": "integer"}, {"type": "number"}, {"type": "string"}


def _object(required: list[str] | None = None, **properties: Any) -> dict[str, Any]:
    names = list(properties) if required is None else required
    return {"type": "object", "title": "C", "properties": properties, "required": names}


def _struct(schema: dict[str, Any]) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    struct.update(schema)
    return struct


NODE = {
    "$ref": "#/$defs/Node",
    "$defs": {
        "Node": _object(
            ["value"], value=INTEGER, next={"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}
        )
    },
}
TEXT_NODE = {
    "$ref": "#/$defs/Node",
    "$defs": {
        "Node": _object(["value"], value=STRING, next={"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]})
    },
}


@pytest.mark.parametrize(
    ("given", "wanted", "expected"),
    [
        (_object(a=INTEGER), _object(a=INTEGER), True),
        (_object(a=INTEGER, b=STRING), _object(a=INTEGER), True),
        (_object(a=INTEGER), _object(a=INTEGER, b=STRING), False),
        (_object(a=INTEGER), _object(a=STRING), False),
        (_object(a=INTEGER), _object(a=NUMBER), True),
        (_object(a=NUMBER), _object(a=INTEGER), False),
        (_object([], a=INTEGER), _object(["a"], a=INTEGER), False),
        (_object(["a"], a=INTEGER), _object([], a=INTEGER), True),
        (_object(a={"type": "integer", "title": "A", "default": 3}), _object(a=INTEGER), True),
        (_object(a=_object(x=INTEGER, y=INTEGER)), _object(a=_object(x=INTEGER)), True),
        (_object(a=_object(x=INTEGER)), _object(a=_object(x=STRING)), False),
        (_object(a={"type": "array", "items": INTEGER}), _object(a={"type": "array", "items": NUMBER}), True),
        (_object(a={"type": "array", "items": STRING}), _object(a={"type": "array", "items": NUMBER}), False),
        (_object(a={"type": "array"}), _object(a={"type": "array", "items": NUMBER}), False),
        (_object(a=INTEGER), _object(a={"anyOf": [INTEGER, {"type": "null"}]}), True),
        (_object(a={"anyOf": [INTEGER, {"type": "null"}]}), _object(a=INTEGER), False),
        (_object(a={"oneOf": [INTEGER, NUMBER]}), _object(a=NUMBER), True),
        (_object(a={"type": ["integer", "null"]}), _object(a={"type": ["null", "number"]}), True),
        (_object(a={"enum": ["x"]}), _object(a={"enum": ["x", "y"]}), True),
        (_object(a={"enum": ["x", "z"]}), _object(a={"enum": ["x", "y"]}), False),
        (_object(a={"const": "x"}), _object(a={"enum": ["x", "y"]}), True),
        (_object(a=STRING), _object(a={"type": "string", "format": "date-time"}), False),
        (_object(a=STRING), _object(a={}), True),
        (NODE, NODE, True),
        (NODE, TEXT_NODE, False),
        ({"$ref": "#/nowhere"}, {"$ref": "#/nowhere", "title": "x"}, False),
        ({"$ref": "#"}, {"$ref": "#", "title": "x"}, False),
    ],
)
def test_more_may_be_given_than_is_wanted(
    given: dict[str, Any], wanted: dict[str, Any], expected: bool
) -> None:
    assert is_assignable(_struct(given), _struct(wanted)) is expected


def test_definitions_may_be_laid_out_differently() -> None:
    inline = _object(a=_object(x=INTEGER))
    apart = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$ref": "#/definitions/Outer",
        "definitions": {"Outer": _object(a={"$ref": "#/definitions/Inner"}), "Inner": _object(x=INTEGER)},
    }
    assert is_assignable(_struct(apart), _struct(inline))
    assert is_assignable(_struct(inline), _struct(apart))


def test_references_that_fan_out_are_compared_once_each() -> None:
    def chain(leaf: dict[str, Any]) -> dict[str, Any]:
        steps = {
            f"L{i}": _object(a={"$ref": f"#/$defs/L{i + 1}"}, b={"$ref": f"#/$defs/L{i + 1}"})
            for i in range(60)
        }
        return {"$ref": "#/$defs/L0", "$defs": steps | {"L60": leaf}}

    assert is_assignable(_struct(chain(INTEGER)), _struct(chain(NUMBER)))
    assert not is_assignable(_struct(chain(NUMBER)), _struct(chain(INTEGER)))
