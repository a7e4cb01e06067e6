"""Structural digests and hashes: equal for equal meaning, whatever the order."""

from __future__ import annotations

import base64

from flyteidl.core import interface_pb2, literals_pb2
from hypothesis import given
from hypothesis import strategies as st

from flyte_sandbox.compiler.digests import interface_hash, literal_map_hash, structural_digest
from flyte_sandbox.compiler.stripping import CACHE_KEY_ANNOTATION

from .conftest import Builder, unhurried

BUILD = Builder()

names = st.text("abcdef", min_size=1, max_size=3)


def _literals(**values: object) -> literals_pb2.LiteralMap:
    return literals_pb2.LiteralMap(literals={name: BUILD.literal(value) for name, value in values.items()})


@given(st.dictionaries(names, st.integers(0, 9), min_size=2, max_size=6), st.randoms())
@unhurried
def test_the_order_of_a_map_does_not_matter(values: dict[str, int], random: object) -> None:
    shuffled = sorted(values, key=lambda _: random.random())  # type: ignore[attr-defined]
    again = literals_pb2.LiteralMap.FromString(
        _literals(**{name: values[name] for name in shuffled}).SerializeToString()
    )
    assert structural_digest(_literals(**values)) == structural_digest(again)


@given(st.dictionaries(names, st.integers(0, 9)), st.dictionaries(names, st.integers(0, 9)))
@unhurried
def test_another_content_is_another_digest(left: dict[str, int], right: dict[str, int]) -> None:
    is_same = structural_digest(_literals(**left)) == structural_digest(_literals(**right))
    assert is_same == (left == right)


def test_fields_of_a_newer_flyteidl_do_not_count() -> None:
    message = BUILD.identifier("TASK", "n")
    unknown = type(message).FromString(message.SerializeToString() + b"\xfa\x7f\x01x")
    assert unknown.SerializeToString() != message.SerializeToString()
    assert structural_digest(unknown) == structural_digest(message)
    assert unknown.SerializeToString() != message.SerializeToString()  # left as it was


def test_the_border_between_messages_counts() -> None:
    first, second = BUILD.variables(a="int"), BUILD.variables(b="int")
    both = interface_pb2.VariableMap()
    both.MergeFrom(first)
    both.MergeFrom(second)
    assert structural_digest(first, second) != structural_digest(both)
    assert structural_digest(first, second) != structural_digest(second, first)


def test_hashes_are_url_safe_and_unpadded() -> None:
    text = literal_map_hash(_literals(a=1))
    assert len(base64.urlsafe_b64decode(text + "=")) == 32


def test_ignored_inputs_do_not_count() -> None:
    assert literal_map_hash(_literals(a=1, b=2), ["b"]) == literal_map_hash(_literals(a=1))
    assert literal_map_hash(_literals(a=1, b=2)) != literal_map_hash(_literals(a=1))
    assert literal_map_hash(literals_pb2.LiteralMap()) == literal_map_hash(_literals(b=2), ["b"])


def test_a_hash_stands_for_its_value_however_deep() -> None:
    def hashed(value: object) -> literals_pb2.Literal:
        literal = BUILD.literal(value)
        literal.hash = "h"
        return literal

    def held(literal: literals_pb2.Literal) -> literals_pb2.LiteralMap:
        inner = literals_pb2.Literal(map=literals_pb2.LiteralMap(literals={"k": literal}))
        outer = literals_pb2.Literal(collection=literals_pb2.LiteralCollection(literals=[inner]))
        return literals_pb2.LiteralMap(literals={"a": outer})

    assert literal_map_hash(held(hashed("s3://one"))) == literal_map_hash(held(hashed("s3://two")))
    assert literal_map_hash(held(BUILD.literal("s3://one"))) != literal_map_hash(
        held(BUILD.literal("s3://two"))
    )
    assert literal_map_hash(held(hashed("x"))) != literal_map_hash(held(BUILD.literal("x")))


def test_what_the_engine_does_not_see_is_no_part_of_an_interface() -> None:
    plain, noted = BUILD.variables(a="[struct]"), BUILD.variables(a="[struct]")
    variable = noted.variables["a"]
    variable.description = "told to people"
    element = variable.type.collection_type
    element.metadata.update({"title": "Data"})
    element.annotation.annotations.update({"unit": "m"})
    assert interface_hash(noted) == interface_hash(plain)
    assert variable.description
    assert interface_hash(BUILD.variables(b="[struct]")) != interface_hash(plain)


def test_one_annotation_is_there_for_the_cache() -> None:
    plain, noted = BUILD.variables(a="int"), BUILD.variables(a="int")
    noted.variables["a"].type.annotation.annotations.update({CACHE_KEY_ANNOTATION: {"salt": 1}})
    assert interface_hash(noted) != interface_hash(plain)
