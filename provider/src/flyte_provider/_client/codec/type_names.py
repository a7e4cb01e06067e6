"""Words for Flyte types and Python values in messages: what a Dag author would write."""

from __future__ import annotations

from typing import Any

from flyteidl.core import types_pb2

_SIMPLE = {
    types_pb2.NONE: "None",
    types_pb2.INTEGER: "int",
    types_pb2.FLOAT: "float",
    types_pb2.STRING: "str",
    types_pb2.BOOLEAN: "bool",
    types_pb2.DATETIME: "datetime",
    types_pb2.DURATION: "timedelta",
    types_pb2.BINARY: "bytes",
    types_pb2.ERROR: "error",
    types_pb2.STRUCT: "dict",
}
_LONGEST_VALUE = 60


def name_type(literal_type: types_pb2.LiteralType) -> str:
    """Return the type as a Dag author knows it, as in ``list[int]``."""
    kind = literal_type.WhichOneof("type")
    if kind == "simple":
        return _name_simple(literal_type)
    if kind == "collection_type":
        return f"list[{name_type(literal_type.collection_type)}]"
    if kind == "map_value_type":
        return f"dict[str, {name_type(literal_type.map_value_type)}]"
    if kind == "union_type":
        return " | ".join(name_type(variant) for variant in literal_type.union_type.variants)
    if kind == "enum_type":
        return "one of " + ", ".join(repr(value) for value in literal_type.enum_type.values)
    if kind == "blob":
        return _name_blob(literal_type.blob)
    if kind in ("schema", "structured_dataset_type"):
        return "the address of a dataframe, as in s3://bucket/key"
    return "an unknown type"


def _name_simple(literal_type: types_pb2.LiteralType) -> str:
    if literal_type.simple == types_pb2.STRUCT:
        title = literal_type.metadata.fields.get("title")
        return f"dict ({title.string_value})" if title else "dict"
    return _SIMPLE.get(literal_type.simple, "an unknown type")


def _name_blob(blob: types_pb2.BlobType) -> str:
    thing = "directory" if blob.dimensionality == types_pb2.BlobType.MULTIPART else "file"
    form = f" ({blob.format})" if blob.format else ""
    return f"the address of a {thing}{form}, as in s3://bucket/key"


def name_value(value: Any) -> str:
    """Return type and value, shortened, as in ``str 'x'``."""
    if value is None:
        return "None"
    text = repr(value)
    if len(text) > _LONGEST_VALUE:
        text = text[:_LONGEST_VALUE] + "…"
    return f"{type(value).__name__} {text}"
