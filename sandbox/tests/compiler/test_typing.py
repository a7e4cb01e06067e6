"""Which type may be bound to which."""

from __future__ import annotations

import pytest
from flyteidl.core import types_pb2
from hypothesis import given
from hypothesis import strategies as st

from flyte_sandbox.compiler.typing import describe, is_castable, is_optional

from .conftest import Builder, unhurried

BUILD = Builder()
T = BUILD.type

simple_names = st.sampled_from(
    ["none", "int", "float", "str", "bool", "struct", "enum:a/b", "blob:csv", "blob:"]
)
types = st.recursive(
    simple_names.map(T),
    lambda inner: (
        inner.map(lambda t: types_pb2.LiteralType(collection_type=t))
        | inner.map(lambda t: types_pb2.LiteralType(map_value_type=t))
        | st.lists(inner, min_size=1, max_size=3).map(
            lambda variants: types_pb2.LiteralType(union_type=types_pb2.UnionType(variants=variants))
        )
    ),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("upstream", "downstream", "expected"),
    [
        ("int", "int", True),
        ("int", "float", False),
        ("float", "int", False),
        ("none", "none", True),
        ("none", "int", False),
        ("int", "none", False),
        ("str", "enum:a/b", True),
        ("enum:a/b", "str", True),
        ("enum:a/b", "enum:a/b", True),
        ("enum:a/b", "enum:b/a", False),
        ("int", "enum:a/b", False),
        ("[int]", "[int]", True),
        ("[int]", "[float]", False),
        ("[none]", "[[str]]", True),
        ("{none}", "{[str]}", True),
        ("[none]", "{int}", False),
        ("{int}", "{int}", True),
        ("int", "[int]", False),
        ("blob:csv", "blob:csv", True),
        ("blob:csv", "blob:", True),
        ("blob:", "blob:csv", True),
        ("blob:csv", "blob:png", False),
        ("str", "blob:", False),
        ("int", "int|none", True),
        ("none", "int|none", True),
        ("float", "int|none", False),
        ("str", "str|enum:a/b", False),
        ("int|none", "int|none", True),
        ("int|none", "none|str|int", True),
        ("int|str", "int|none", False),
        ("int|none", "int", False),
        ("[int]", "[int|none]", True),
        ("[int|none]", "[int|none]", True),
        ("[int|str]", "[int|none]", False),
    ],
)
def test_what_may_be_given_where(upstream: str, downstream: str, expected: bool) -> None:
    assert is_castable(T(upstream), T(downstream)) is expected


def test_nothing_is_castable_from_an_unknown_type() -> None:
    assert not is_castable(None, T("int"))


@given(types)
@unhurried
def test_every_type_is_castable_to_itself(literal_type: types_pb2.LiteralType) -> None:
    assert is_castable(literal_type, literal_type)


@given(types)
@unhurried
def test_a_union_of_one_counts_as_that_one(literal_type: types_pb2.LiteralType) -> None:
    alone = types_pb2.LiteralType(union_type=types_pb2.UnionType(variants=[literal_type]))
    assert is_castable(alone, literal_type)


@given(types, types)
@unhurried
def test_metadata_does_not_matter_but_for_structs(
    upstream: types_pb2.LiteralType, downstream: types_pb2.LiteralType
) -> None:
    noted = types_pb2.LiteralType()
    noted.CopyFrom(upstream)
    noted.metadata.update({"note": "x"})
    noted.annotation.annotations.update({"note": "x"})
    assert is_castable(noted, downstream) == is_castable(upstream, downstream)


def test_a_union_of_one_is_not_unwrapped_inside_a_list() -> None:
    alone = types_pb2.LiteralType(union_type=types_pb2.UnionType(variants=[T("int")]))
    assert is_castable(alone, T("int"))
    assert not is_castable(types_pb2.LiteralType(collection_type=alone), T("[int]"))


def _tagged(text: str, tag: str) -> types_pb2.LiteralType:
    literal_type = T(text)
    literal_type.structure.tag = tag
    return literal_type


def test_the_tag_of_a_type_chooses_the_variant() -> None:
    variants = [_tagged("struct", "A"), _tagged("struct", "B")]
    union = types_pb2.LiteralType(union_type=types_pb2.UnionType(variants=variants))
    assert is_castable(_tagged("struct", "A"), union)
    assert not is_castable(_tagged("struct", "C"), union)
    assert not is_castable(T("struct"), union)  # ambiguous


def _dataset(dataset_format: str = "", **columns: str) -> types_pb2.LiteralType:
    column = types_pb2.StructuredDatasetType.DatasetColumn
    return types_pb2.LiteralType(
        structured_dataset_type=types_pb2.StructuredDatasetType(
            format=dataset_format,
            columns=[column(name=name, literal_type=T(text)) for name, text in columns.items()],
        )
    )


_SCHEMA_COLUMNS = {
    "int": types_pb2.SchemaType.SchemaColumn.INTEGER,
    "str": types_pb2.SchemaType.SchemaColumn.STRING,
}


def _schema(**columns: str) -> types_pb2.LiteralType:
    column = types_pb2.SchemaType.SchemaColumn
    return types_pb2.LiteralType(
        schema=types_pb2.SchemaType(
            columns=[column(name=name, type=_SCHEMA_COLUMNS[text]) for name, text in columns.items()]
        )
    )


@pytest.mark.parametrize(
    ("upstream", "downstream", "expected"),
    [
        (_dataset(), _dataset(), True),
        (_dataset("parquet"), _dataset("PARQUET"), True),
        (_dataset("csv"), _dataset("parquet"), False),
        (_dataset("csv"), _dataset(), True),
        (_dataset(a="int", b="str"), _dataset(a="int"), True),
        (_dataset(a="int"), _dataset(a="int", b="str"), False),
        (_dataset(a="int"), _dataset(a="str"), False),
        (_dataset(), _dataset(a="int"), True),
        (_dataset(a="int"), _dataset(), True),
        (T("none"), _dataset(a="int"), True),
        (T("int"), _dataset(), False),
        (_schema(a="int"), _schema(a="int"), True),
        (_schema(a="int"), _schema(a="str"), False),
        (_schema(a="int", b="str"), _schema(b="str"), True),
        (_schema(), _schema(a="int"), True),
        (_schema(a="int"), _dataset(a="int"), True),
        (_schema(a="int"), _dataset(a="str"), False),
        (_schema(a="int"), _dataset("csv", a="int"), False),
        (_dataset("parquet", a="int"), _schema(a="int"), True),
        (_dataset("csv", a="int"), _schema(a="int"), False),
        (_dataset(a="int"), _schema(a="str"), False),
        (_dataset(), _schema(a="str"), True),
        (T("none"), _schema(), False),
    ],
)
def test_tables_need_the_columns_that_are_wanted(
    upstream: types_pb2.LiteralType, downstream: types_pb2.LiteralType, expected: bool
) -> None:
    assert is_castable(upstream, downstream) is expected


@pytest.mark.parametrize(
    ("text", "expected"), [("int|none", True), ("int", False), ("none", False), ("[int|none]", False)]
)
def test_optional_is_a_union_with_none(text: str, expected: bool) -> None:
    assert is_optional(T(text)) is expected


def test_a_type_is_told_without_its_json_schema() -> None:
    literal_type = _tagged("struct", "Data")
    literal_type.metadata.update({"properties": {"a": {"type": "integer"}}})
    literal_type.structure.dataclass_type["a"].CopyFrom(T("int"))
    assert describe(types_pb2.LiteralType(collection_type=literal_type)) == (
        "collection_type:{simple:STRUCT structure:{"
        'tag:"Data" dataclass_type:{key:"a" value:{simple:INTEGER}}}}'
    )
    assert literal_type.HasField("metadata")
