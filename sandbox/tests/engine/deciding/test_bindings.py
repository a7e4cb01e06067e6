"""How bindings become inputs: promises, and ways into what a task has put out."""

from __future__ import annotations

from typing import Any

import msgpack
import pytest
from flyteidl.core import literals_pb2, types_pb2
from google.protobuf.struct_pb2 import Struct

from flyte_sandbox.engine.deciding.bindings import BindingError, resolve

from ..graphs import literal, literals

CAR = {"seats": 4, "price": 1.5, "sold": True, "name": "a", "parts": [1, {"bolt": 8}], "none": None}


def packed(value: Any) -> literals_pb2.Literal:
    """A dataclass or a pydantic model, as flytekit writes it."""
    binary = literals_pb2.Binary(value=msgpack.packb(value), tag="msgpack")
    return literals_pb2.Literal(scalar=literals_pb2.Scalar(binary=binary))


def struct(value: dict[str, Any]) -> literals_pb2.Literal:
    """The same as older ones wrote it."""
    generic = Struct()
    generic.update(value)
    return literals_pb2.Literal(scalar=literals_pb2.Scalar(generic=generic))


def found(output: literals_pb2.Literal, *path: str | int, fetch: Any = None) -> literals_pb2.Literal:
    """What ``path`` leads to inside the output of a node."""
    attributes = [
        types_pb2.PromiseAttribute(string_value=key)
        if isinstance(key, str)
        else types_pb2.PromiseAttribute(int_value=key)
        for key in path
    ]
    promise = types_pb2.OutputReference(node_id="n0", var="o0", attr_path=attributes)
    binding = literals_pb2.Binding(var="x", binding=literals_pb2.BindingData(promise=promise))
    outputs = literals_pb2.LiteralMap(literals={"o0": output})
    return resolve([binding], {"n0": outputs}.__getitem__, fetch).literals["x"]


def primitive(**value: Any) -> literals_pb2.Literal:
    return literals_pb2.Literal(scalar={"primitive": literals_pb2.Primitive(**value)})


def list_of(*items: literals_pb2.Literal) -> literals_pb2.Literal:
    return literals_pb2.Literal(collection=literals_pb2.LiteralCollection(literals=items))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("seats",), primitive(integer=4)),
        (("price",), primitive(float_value=1.5)),
        (("sold",), primitive(boolean=True)),
        (("name",), primitive(string_value="a")),
        (("parts",), list_of(packed(1), packed({"bolt": 8}))),
        (("parts", 1), packed({"bolt": 8})),
        (("parts", 1, "bolt"), primitive(integer=8)),
        (("none",), packed(None)),
        ((), packed(CAR)),
    ],
)
def test_a_way_into_a_packed_value(path: tuple[str | int, ...], expected: literals_pb2.Literal) -> None:
    assert found(packed(CAR), *path) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("seats",), primitive(float_value=4)),
        (("sold",), primitive(boolean=True)),
        (("parts",), list_of(primitive(float_value=1), struct({"bolt": 8}))),
        (("parts", 1, "bolt"), primitive(float_value=8)),
        (("none",), literals_pb2.Literal(scalar={"none_type": {}})),
    ],
)
def test_a_way_into_a_struct_finds_no_whole_numbers(
    path: tuple[str | int, ...], expected: literals_pb2.Literal
) -> None:
    assert found(struct(CAR), *path) == expected


def test_a_way_through_lists_and_maps_of_literals() -> None:
    inner = literals_pb2.Literal(map=literals_pb2.LiteralMap(literals={"car": packed(CAR)}))
    assert found(list_of(literal("a"), inner), 0) == literal("a")
    assert found(list_of(literal("a"), inner), 1, "car", "seats") == primitive(integer=4)


@pytest.mark.parametrize(
    ("output", "path", "words"),
    [
        (packed(CAR), ("doors",), r"key \[doors\] does not exist"),
        (packed(CAR), ("parts", 2), r"index \[2\] is out of range"),
        (packed(CAR), ("parts", "x"), r"index \[x\] is out of range"),
        (packed(CAR), ("seats", "x"), r"key \[x\] does not exist"),
        (list_of(literal("a")), (1,), r"index \[1\] is out of range of 1 literals"),
        (list_of(literal("a")), (-1,), r"index \[-1\] is out of range"),
        (literals_pb2.Literal(map=literals(a="b")), ("b",), r"key \[b\] does not exist in literal \['a'\]"),
        (literal("a"), ("b",), "does not exist in literal of kind scalar"),
    ],
)
def test_a_way_that_leads_nowhere_is_told(
    output: literals_pb2.Literal, path: tuple[str | int, ...], words: str
) -> None:
    with pytest.raises(BindingError, match=words):
        found(output, *path)


def test_a_large_value_is_read_only_when_a_part_of_it_is_asked_for() -> None:
    metadata = literals_pb2.LiteralOffloadedMetadata(uri="s3://my-s3-bucket/large")
    large = literals_pb2.Literal(offloaded_metadata=metadata)
    assert found(large) == large
    assert found(large, 0, fetch={metadata.uri: list_of(literal("a"))}.__getitem__) == literal("a")


def test_an_output_that_is_not_there_is_told() -> None:
    promise = types_pb2.OutputReference(node_id="n0", var="o1")
    binding = literals_pb2.Binding(var="x", binding=literals_pb2.BindingData(promise=promise))
    with pytest.raises(BindingError, match="output 'o1' of node 'n0' does not exist"):
        resolve([binding], lambda _: literals(o0="a"), lambda _: literal("a"))


def test_bindings_nest() -> None:
    a, b = (literals_pb2.BindingData(scalar=literal(one).scalar) for one in "ab")
    inside = literals_pb2.BindingDataMap(bindings={"k": a, "l": literals_pb2.BindingData()})
    outside = literals_pb2.BindingDataCollection(bindings=[literals_pb2.BindingData(map=inside), b])
    binding = literals_pb2.Binding(var="x", binding=literals_pb2.BindingData(collection=outside))
    nothing = literals_pb2.Literal(scalar={"none_type": {}})
    expected = literals_pb2.LiteralMap(literals={"k": literal("a"), "l": nothing})
    given = resolve([binding], lambda _: literals(), lambda _: literal("a")).literals["x"]
    assert given == list_of(literals_pb2.Literal(map=expected), literal("b"))
