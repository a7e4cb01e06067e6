"""The type of a literal, read off its value."""

from __future__ import annotations

import pytest
from flyteidl.core import literals_pb2, types_pb2
from hypothesis import given
from hypothesis import strategies as st

from flyte_sandbox.compiler.literals import infer_type
from flyte_sandbox.compiler.typing import describe, is_castable

from .conftest import Builder, unhurried

BUILD = Builder()

python_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, "int"),
        (1.0, "float"),
        (True, "bool"),
        ("x", "str"),
        (None, "none"),
        ([], "[none]"),
        ({}, "{none}"),
        ([1, 2], "[int]"),
        ({"a": [1], "b": []}, "{[int]}"),
        ([[], []], "[[none]]"),
        ([1, "x"], "[int|str]"),
        ([1, None], "[int|none]"),
    ],
)
def test_the_type_of_a_value(value: object, expected: str) -> None:
    assert infer_type(BUILD.literal(value)) == BUILD.type(expected)


def test_the_union_of_a_mixed_list_does_not_depend_on_its_order() -> None:
    assert infer_type(BUILD.literal([1, "x", 2.0])) == infer_type(BUILD.literal([2.0, 1, "x"]))


@pytest.mark.parametrize(
    ("scalar", "text"),
    [
        (literals_pb2.Scalar(binary=literals_pb2.Binary(value=b"x", tag="msgpack")), "simple:STRUCT"),
        (literals_pb2.Scalar(binary=literals_pb2.Binary(value=b"x")), "simple:BINARY"),
        (literals_pb2.Scalar(generic={}), "simple:STRUCT"),
        (literals_pb2.Scalar(error=types_pb2.Error(message="m")), "simple:ERROR"),
        (
            literals_pb2.Scalar(
                blob=literals_pb2.Blob(
                    metadata=literals_pb2.BlobMetadata(type=types_pb2.BlobType(format="csv"))
                )
            ),
            'blob:{format:"csv"}',
        ),
        (
            literals_pb2.Scalar(structured_dataset=literals_pb2.StructuredDataset(uri="s3://x")),
            "structured_dataset_type:{}",
        ),
        (
            literals_pb2.Scalar(union=literals_pb2.Union(type=BUILD.type("int"))),
            "union_type:{variants:{simple:INTEGER}}",
        ),
        (
            literals_pb2.Scalar(schema=literals_pb2.Schema(uri="s3://x")),
            "schema:{}",
        ),
    ],
)
def test_the_type_of_a_scalar(scalar: literals_pb2.Scalar, text: str) -> None:
    assert describe(infer_type(literals_pb2.Literal(scalar=scalar))) == text


def test_an_offloaded_literal_says_its_type() -> None:
    offloaded = literals_pb2.LiteralOffloadedMetadata(uri="s3://x", inferred_type=BUILD.type("[int]"))
    assert infer_type(literals_pb2.Literal(offloaded_metadata=offloaded)) == BUILD.type("[int]")


@pytest.mark.parametrize(
    "literal",
    [
        literals_pb2.Literal(),
        literals_pb2.Literal(hash="h"),
        literals_pb2.Literal(scalar=literals_pb2.Scalar()),
        literals_pb2.Literal(scalar=literals_pb2.Scalar(blob=literals_pb2.Blob(uri="s3://x"))),
        literals_pb2.Literal(offloaded_metadata=literals_pb2.LiteralOffloadedMetadata(uri="s3://x")),
    ],
    ids=["nothing", "only a hash", "an empty scalar", "a blob without metadata", "offloaded, untyped"],
)
def test_a_value_without_a_type_has_none_and_so_has_what_holds_it(literal: literals_pb2.Literal) -> None:
    assert infer_type(literal) is None
    held = literals_pb2.Literal(collection=literals_pb2.LiteralCollection(literals=[literal]))
    assert infer_type(held) is None
    named = literals_pb2.Literal(map=literals_pb2.LiteralMap(literals={"a": literal}))
    assert infer_type(named) is None


@given(python_values)
@unhurried
def test_every_value_fits_its_own_type(value: object) -> None:
    inferred = infer_type(BUILD.literal(value))
    assert inferred is not None
    assert is_castable(inferred, inferred)
