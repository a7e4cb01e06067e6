"""What XCom gets of literals that inputs never have."""

from __future__ import annotations

import msgpack
from flyteidl.core import literals_pb2, types_pb2
from google.protobuf import struct_pb2

from flyte_provider._client.codec import decode, decode_map

Literal, Scalar = literals_pb2.Literal, literals_pb2.Scalar


def binary(value: bytes, tag: str) -> Literal:
    return Literal(scalar=Scalar(binary=literals_pb2.Binary(value=value, tag=tag)))


def test_msgpack_loses_its_bytes_and_its_odd_keys() -> None:
    packed = msgpack.packb({1: b"ab", "l": [b"c", 2]})
    assert decode(binary(packed, "msgpack")) == {"1": "YWI=", "l": ["Yw==", 2]}


def test_other_bytes_become_base64() -> None:
    assert decode(binary(b"ab", "pickle")) == "YWI="


def test_an_old_style_struct_becomes_a_dict() -> None:
    struct = struct_pb2.Struct()
    struct.update({"a": [1.5, None]})
    assert decode(Literal(scalar=Scalar(generic=struct))) == {"a": [1.5, None]}


def test_an_offloaded_literal_becomes_its_address() -> None:
    metadata = literals_pb2.LiteralOffloadedMetadata(uri="s3://b/k")
    assert decode(Literal(offloaded_metadata=metadata)) == "s3://b/k"


def test_a_schema_becomes_its_address() -> None:
    assert decode(Literal(scalar=Scalar(schema=literals_pb2.Schema(uri="s3://b/k")))) == "s3://b/k"


def test_an_error_becomes_its_message() -> None:
    error = types_pb2.Error(failed_node_id="n0", message="broken")
    assert decode(Literal(scalar=Scalar(error=error))) == "broken"


def test_an_empty_literal_is_none() -> None:
    assert decode_map(literals_pb2.LiteralMap(literals={"a": Literal(), "b": Literal(scalar=Scalar())})) == {
        "a": None,
        "b": None,
    }
