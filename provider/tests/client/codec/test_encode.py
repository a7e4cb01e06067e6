"""What encoding refuses, and in which words; test_golden.py has what it accepts."""

from __future__ import annotations

from typing import Any

import pytest
from flyteidl.core import literals_pb2, types_pb2
from google.protobuf import json_format

from flyte_provider._client.codec import decode, encode
from flyte_provider.exceptions import FlyteInputError

INT = types_pb2.LiteralType(simple=types_pb2.INTEGER)
FLOAT = types_pb2.LiteralType(simple=types_pb2.FLOAT)
STR = types_pb2.LiteralType(simple=types_pb2.STRING)
BOOL = types_pb2.LiteralType(simple=types_pb2.BOOLEAN)
NONE = types_pb2.LiteralType(simple=types_pb2.NONE)
WHEN = types_pb2.LiteralType(simple=types_pb2.DATETIME)
WAIT = types_pb2.LiteralType(simple=types_pb2.DURATION)
DICT = types_pb2.LiteralType(simple=types_pb2.STRUCT)
INTS = types_pb2.LiteralType(collection_type=INT)
INT_BY_NAME = types_pb2.LiteralType(map_value_type=INT)
COLOUR = types_pb2.LiteralType(enum_type=types_pb2.EnumType(values=["red", "green"]))
FILE = types_pb2.LiteralType(blob=types_pb2.BlobType(format="csv"))
FRAME = types_pb2.LiteralType(structured_dataset_type=types_pb2.StructuredDatasetType())


def union(*variants: types_pb2.LiteralType) -> types_pb2.LiteralType:
    return types_pb2.LiteralType(union_type=types_pb2.UnionType(variants=variants))


def struct(schema: dict[str, Any]) -> types_pb2.LiteralType:
    literal_type = types_pb2.LiteralType(simple=types_pb2.STRUCT)
    json_format.ParseDict(schema, literal_type.metadata)
    return literal_type


INNER = {"type": "object", "title": "Inner", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
PARAMETERS = struct(
    {
        "type": "object",
        "title": "Parameters",
        "required": ["trees"],
        "additionalProperties": False,
        "properties": {
            "trees": {"type": "integer"},
            "rate": {"type": "number"},
            "name": {"type": "string"},
            "flag": {"type": "boolean"},
            "layers": {"type": "array", "items": {"type": "integer"}},
            "pair": {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}]},
            "colour": {"enum": ["red", "green"]},
            "inner": {"anyOf": [{"$ref": "#/$defs/Inner"}, {"type": "null"}]},
            "choice": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
            "by_name": {"type": "object", "additionalProperties": {"type": "integer"}},
        },
        "$defs": {"Inner": INNER},
    }
)
ADDRESS_OF_A_FILE = "the address of a file (csv), as in s3://bucket/key"

REFUSED: list[tuple[Any, types_pb2.LiteralType, str]] = [
    ("x", INT, "value: expected int, got str 'x'"),
    (1.0, INT, "value: expected int, got float 1.0"),
    (True, INT, "value: expected int, got bool True"),
    (None, INT, "value: expected int, got None"),
    (2**63, INT, "value: expected int, got int 9223372036854775808"),
    (True, FLOAT, "value: expected float, got bool True"),
    ("fast", FLOAT, "value: expected float, got str 'fast'"),
    (5, STR, "value: expected str, got int 5"),
    (1, BOOL, "value: expected bool, got int 1"),
    ("yes", BOOL, "value: expected bool, got str 'yes'"),
    (0, NONE, "value: expected None, got int 0"),
    ("soon", WHEN, "value: expected datetime, got str 'soon'"),
    (5, WHEN, "value: expected datetime, got int 5"),
    ("long", WAIT, "value: expected timedelta, got str 'long'"),
    ("P", WAIT, "value: expected timedelta, got str 'P'"),
    ("[1]", INTS, "value: expected list[int], got str '[1]'"),
    ([1, "x"], INTS, "value[1]: expected int, got str 'x'"),
    ([1], INT_BY_NAME, "value: expected dict[str, int], got list [1]"),
    ({1: 1}, INT_BY_NAME, "value: expected dict[str, int], got dict {1: 1}"),
    ({"a": None}, INT_BY_NAME, "value['a']: expected int, got None"),
    ("blue", COLOUR, "value: expected one of 'red', 'green', got str 'blue'"),
    ([], COLOUR, "value: expected one of 'red', 'green', got list []"),
    ("x" * 80, INT, "value: expected int, got str '" + "x" * 59 + "…"),
    ("x", union(INT, NONE), "value: expected int | None, got str 'x'"),
    ([None], union(INTS, NONE), "value[0]: expected int, got None"),
    (1.5, union(INT, STR), "value: expected int | str, got float 1.5"),
    (None, union(INT, STR), "value: expected int | str, got None"),
    ("data.csv", FILE, f"value: expected {ADDRESS_OF_A_FILE}, got str 'data.csv'"),
    ("/data/x.csv", FILE, f"value: expected {ADDRESS_OF_A_FILE}, got str '/data/x.csv'"),
    ([], FRAME, "value: expected the address of a dataframe, as in s3://bucket/key, got list []"),
    ("{}", DICT, "value: expected dict, got str '{}'"),
    (3, DICT, "value: expected dict, got int 3"),
    ({"a": 1j}, DICT, "value.a: expected a plain value (dict, list, number, text), got complex 1j"),
    ({"trees": 1, "rat": 2}, PARAMETERS, "value: unknown field 'rat'; did you mean 'rate'?"),
    ({}, PARAMETERS, "value: missing field 'trees'"),
    ({"trees": "1"}, PARAMETERS, "value.trees: expected int, got str '1'"),
    ({"trees": True}, PARAMETERS, "value.trees: expected int, got bool True"),
    ({"trees": 1, "rate": "x"}, PARAMETERS, "value.rate: expected float, got str 'x'"),
    ({"trees": 1, "name": 1}, PARAMETERS, "value.name: expected str, got int 1"),
    ({"trees": 1, "flag": 1}, PARAMETERS, "value.flag: expected bool, got int 1"),
    ({"trees": 1, "layers": 3}, PARAMETERS, "value.layers: expected list, got int 3"),
    ({"trees": 1, "layers": [2.5]}, PARAMETERS, "value.layers[0]: expected int, got float 2.5"),
    ({"trees": 1, "pair": [1]}, PARAMETERS, "value.pair: expected list of 2, got list [1]"),
    ({"trees": 1, "pair": [1, 2]}, PARAMETERS, "value.pair[1]: expected str, got int 2"),
    ({"trees": 1, "colour": "b"}, PARAMETERS, "value.colour: expected one of 'red', 'green', got str 'b'"),
    ({"trees": 1, "inner": {"x": "y"}}, PARAMETERS, "value.inner.x: expected int, got str 'y'"),
    ({"trees": 1, "inner": {"x": 1, "z": 1}}, PARAMETERS, "value.inner: unknown field 'z'"),
    ({"trees": 1, "choice": []}, PARAMETERS, "value.choice: expected int | str, got list []"),
    ({"trees": 1, "by_name": {"a": "b"}}, PARAMETERS, "value.by_name.a: expected int, got str 'b'"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "literal_type", "message"), REFUSED)
def test_a_value_that_does_not_fit_is_refused_in_one_sentence(
    value: Any, literal_type: types_pb2.LiteralType, message: str
) -> None:
    with pytest.raises(FlyteInputError) as caught:
        encode(value, literal_type)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"trees": 1, "rate": 2}, {"trees": 1, "rate": 2.0}),
        ({"trees": 1, "inner": None}, {"trees": 1, "inner": None}),
        ({"trees": 1, "inner": {"x": 2}}, {"trees": 1, "inner": {"x": 2}}),
        ({"trees": 1, "pair": (1, "a")}, {"trees": 1, "pair": [1, "a"]}),
        ({"trees": 1, "by_name": {"a": 1}}, {"trees": 1, "by_name": {"a": 1}}),
    ],
)
def test_a_struct_follows_its_schema(value: Any, expected: Any) -> None:
    decoded = decode(encode(value, PARAMETERS))
    assert decoded == expected
    assert repr(decoded) == repr(expected), "a number that is a float in the schema must be one in msgpack"


def test_a_union_prefers_the_variant_that_takes_the_value_as_it_is() -> None:
    literal = encode("5", union(INT, STR))
    assert literal.scalar.union.type == STR
    assert encode("5", union(INT, FLOAT)).scalar.union.type == INT


def test_a_literal_passes_as_it_is() -> None:
    literal = literals_pb2.Literal(collection=literals_pb2.LiteralCollection())
    assert encode(literal, INT) is literal


def test_a_text_enum_is_a_text() -> None:
    from enum import Enum

    class Kind(str, Enum):
        A = "a"

    assert decode(encode(Kind.A, STR)) == "a"
    assert decode(encode({"k": Kind.A}, DICT)) == {"k": "a"}
