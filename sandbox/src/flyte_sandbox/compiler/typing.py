"""May a value of one type be given where another type is declared?

Source: flytepropeller pkg/compiler/validators/typing.go (AreTypesCastable).
"""

from __future__ import annotations

from collections.abc import Callable

from flyteidl.core import types_pb2
from flyteidl.core.types_pb2 import LiteralType

from flyte_sandbox.compiler import columns
from flyte_sandbox.compiler.json_schemas import is_assignable
from flyte_sandbox.compiler.prototext import one_line


def describe(literal_type: LiteralType | None) -> str:
    """A type in messages, as flyteadmin prints it (``simple:INTEGER``), but without metadata."""
    if literal_type is None:
        return one_line(None)
    short = LiteralType()
    short.CopyFrom(literal_type)
    _drop_metadata(short)
    return one_line(short)


def _drop_metadata(literal_type: LiteralType) -> None:
    literal_type.ClearField("metadata")
    literal_type.ClearField("annotation")
    for inner in (*literal_type.structure.dataclass_type.values(), *literal_type.union_type.variants):
        _drop_metadata(inner)
    kind = literal_type.WhichOneof("type")
    if kind in ("collection_type", "map_value_type"):
        _drop_metadata(getattr(literal_type, kind))


def is_none(literal_type: LiteralType) -> bool:
    return literal_type.WhichOneof("type") == "simple" and bool(literal_type.simple == types_pb2.NONE)


def is_optional(literal_type: LiteralType) -> bool:
    """A union that has NONE among its variants: an input of such a type may stay unbound."""
    return any(is_none(variant) for variant in literal_type.union_type.variants)


def is_same(left: LiteralType, right: LiteralType) -> bool:
    """Equal in everything, metadata included."""
    return bool(left == right)


def is_castable(upstream: LiteralType | None, downstream: LiteralType) -> bool:
    """:param upstream: the type of what is given; None (a literal without a type) fits nowhere."""
    if upstream is None:
        return False
    variants = upstream.union_type.variants
    if len(variants) == 1 and _casts(variants[0], downstream):
        return True
    return _casts(upstream, downstream)


def _casts(upstream: LiteralType, downstream: LiteralType) -> bool:
    """Elements of collections come here directly: a union of one is not unwrapped in them."""
    return _CHECKS.get(downstream.WhichOneof("type"), _casts_plain)(upstream, downstream)


def _casts_plain(upstream: LiteralType, downstream: LiteralType) -> bool:
    if is_none(downstream):
        return is_none(upstream)
    if _is_enum_and_string(upstream, downstream) or _is_enum_and_string(downstream, upstream):
        return True
    tag = upstream.structure.tag
    if tag and tag != downstream.structure.tag:
        return False
    if _is_simple(upstream, types_pb2.STRUCT) and _is_simple(downstream, types_pb2.STRUCT):
        return _casts_struct(upstream, downstream)
    kind = upstream.WhichOneof("type")
    return kind == downstream.WhichOneof("type") and (
        kind is None or bool(getattr(upstream, kind) == getattr(downstream, kind))
    )


def _is_enum_and_string(left: LiteralType, right: LiteralType) -> bool:
    return left.WhichOneof("type") == "enum_type" and _is_simple(right, types_pb2.STRING)


def _is_simple(literal_type: LiteralType, kind: types_pb2.SimpleType) -> bool:
    return literal_type.WhichOneof("type") == "simple" and bool(literal_type.simple == kind)


def _casts_struct(upstream: LiteralType, downstream: LiteralType) -> bool:
    """The metadata of a dataclass is its JSON schema; without one there is nothing to compare."""
    if not upstream.HasField("metadata") or not downstream.HasField("metadata"):
        return True
    return is_assignable(upstream.metadata, downstream.metadata)


def _casts_elements(kind: str) -> Callable[[LiteralType, LiteralType], bool]:
    def casts(upstream: LiteralType, downstream: LiteralType) -> bool:
        if upstream.WhichOneof("type") != kind:
            return False
        element = getattr(upstream, kind)
        # The type of an empty collection or map: it fits any.
        return is_none(element) or _casts(element, getattr(downstream, kind))

    return casts


def _casts_blob(upstream: LiteralType, downstream: LiteralType) -> bool:
    if upstream.WhichOneof("type") != "blob":
        return False
    formats = (upstream.blob.format, downstream.blob.format)
    return not all(formats) or formats[0] == formats[1]


def _casts_schema(upstream: LiteralType, downstream: LiteralType) -> bool:
    kind = upstream.WhichOneof("type")
    if kind == "schema":
        return columns.is_schema_subset(upstream.schema, downstream.schema)
    if kind != "structured_dataset_type" or not _is_parquet(upstream.structured_dataset_type.format):
        return False
    return columns.has_schema_columns(upstream.structured_dataset_type, downstream.schema)


def _casts_dataset(upstream: LiteralType, downstream: LiteralType) -> bool:
    if is_none(upstream):
        return True
    kind = upstream.WhichOneof("type")
    wanted = downstream.structured_dataset_type
    if kind == "schema":
        return _is_parquet(wanted.format) and columns.has_dataset_columns(upstream.schema, wanted)
    if kind != "structured_dataset_type":
        return False
    given = upstream.structured_dataset_type
    if given.format and wanted.format and given.format.lower() != wanted.format.lower():
        return False
    return columns.is_dataset_subset(given, wanted, _casts)


def _is_parquet(dataset_format: str) -> bool:
    return dataset_format.lower() in ("", "parquet")


def _casts_union(upstream: LiteralType, downstream: LiteralType) -> bool:
    """A union needs a place for each of its variants, anything else exactly one variant that takes it."""
    variants = downstream.union_type.variants
    if upstream.WhichOneof("type") == "union_type":
        return all(any(is_castable(up, down) for down in variants) for up in upstream.union_type.variants)
    return sum(is_castable(upstream, variant) for variant in variants) == 1


_CHECKS: dict[str | None, Callable[[LiteralType, LiteralType], bool]] = {
    "collection_type": _casts_elements("collection_type"),
    "map_value_type": _casts_elements("map_value_type"),
    "blob": _casts_blob,
    "schema": _casts_schema,
    "structured_dataset_type": _casts_dataset,
    "union_type": _casts_union,
}
