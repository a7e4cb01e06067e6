"""From Flyte literals to values that XCom can carry: plain ones, datetime and timedelta.

Files, directories and dataframes become their addresses, which encode as inputs again.
"""

from __future__ import annotations

import base64
from datetime import timezone
from typing import Any

import msgpack
from flyteidl.core import literals_pb2
from google.protobuf import json_format

from flyte_provider._client.codec.encode import MSGPACK_TAG


def decode_map(literals: literals_pb2.LiteralMap) -> dict[str, Any]:
    """Return values keyed by name, in the order of names: protobuf's own order changes from call to call."""
    return {name: decode(literal) for name, literal in sorted(literals.literals.items())}


def decode(literal: literals_pb2.Literal) -> Any:
    """Return one literal's value. A literal that Flyte offloaded becomes the address it was offloaded to."""
    kind = literal.WhichOneof("value")
    if kind == "collection":
        return [decode(item) for item in literal.collection.literals]
    if kind == "map":
        return decode_map(literal.map)
    if kind == "scalar":
        return _decode_scalar(literal.scalar)
    if kind == "offloaded_metadata":
        return literal.offloaded_metadata.uri
    return None


def _decode_scalar(scalar: literals_pb2.Scalar) -> Any:
    kind = scalar.WhichOneof("value")
    if kind == "primitive":
        return _decode_primitive(scalar.primitive)
    if kind == "union":
        return decode(scalar.union.value)
    if kind == "binary":
        return _decode_binary(scalar.binary)
    if kind == "generic":
        return json_format.MessageToDict(scalar.generic)
    if kind in ("blob", "schema", "structured_dataset"):
        return getattr(scalar, kind).uri
    if kind == "error":
        return scalar.error.message
    return None


def _decode_primitive(primitive: literals_pb2.Primitive) -> Any:
    kind = primitive.WhichOneof("value")
    if kind == "datetime":
        return primitive.datetime.ToDatetime(tzinfo=timezone.utc)
    if kind == "duration":
        return primitive.duration.ToTimedelta()
    return getattr(primitive, kind) if kind else None


def _decode_binary(binary: literals_pb2.Binary) -> Any:
    """Return what msgpack holds; bytes of other encodings as base64 text, since XCom takes no bytes."""
    if binary.tag == MSGPACK_TAG:
        return _without_bytes(msgpack.unpackb(binary.value, strict_map_key=False))
    return _base64(binary.value)


def _without_bytes(value: Any) -> Any:
    if isinstance(value, bytes):
        return _base64(value)
    if isinstance(value, list):
        return [_without_bytes(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _without_bytes(item) for key, item in value.items()}
    return value


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")
