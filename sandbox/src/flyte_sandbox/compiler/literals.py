"""Which type a literal has.

Source: flytepropeller pkg/compiler/validators/utils.go (LiteralTypeForLiteral).
"""

from __future__ import annotations

from collections.abc import Iterable

from flyteidl.core import literals_pb2, types_pb2

from flyte_sandbox.compiler.prototext import one_line

MSGPACK_TAG = "msgpack"

_PRIMITIVES = {
    "integer": types_pb2.INTEGER,
    "float_value": types_pb2.FLOAT,
    "string_value": types_pb2.STRING,
    "boolean": types_pb2.BOOLEAN,
    "datetime": types_pb2.DATETIME,
    "duration": types_pb2.DURATION,
}

_SIMPLE_SCALARS = {
    "none_type": types_pb2.NONE,
    "error": types_pb2.ERROR,
    "generic": types_pb2.STRUCT,
}


def infer_type(literal: literals_pb2.Literal) -> types_pb2.LiteralType | None:
    """:return: the literal's type; None when it holds no value that has one."""
    kind = literal.WhichOneof("value")
    if kind == "scalar":
        return _infer_scalar(literal.scalar)
    if kind == "collection":
        element = _unify(literal.collection.literals)
        return None if element is None else types_pb2.LiteralType(collection_type=element)
    if kind == "map":
        element = _unify(literal.map.literals.values())
        return None if element is None else types_pb2.LiteralType(map_value_type=element)
    if kind == "offloaded_metadata" and literal.offloaded_metadata.HasField("inferred_type"):
        return literal.offloaded_metadata.inferred_type
    return None


def _infer_scalar(scalar: literals_pb2.Scalar) -> types_pb2.LiteralType | None:
    kind = scalar.WhichOneof("value")
    if kind == "primitive":
        return simple(_PRIMITIVES.get(scalar.primitive.WhichOneof("value"), types_pb2.NONE))
    if kind == "blob":
        return (
            types_pb2.LiteralType(blob=scalar.blob.metadata.type)
            if scalar.blob.HasField("metadata")
            else None
        )
    if kind == "binary":
        return simple(types_pb2.STRUCT if scalar.binary.tag == MSGPACK_TAG else types_pb2.BINARY)
    if kind == "schema":
        return types_pb2.LiteralType(schema=scalar.schema.type)
    if kind == "structured_dataset":
        metadata = scalar.structured_dataset.metadata
        return types_pb2.LiteralType(structured_dataset_type=metadata.structured_dataset_type)
    if kind == "union":
        return types_pb2.LiteralType(union_type=types_pb2.UnionType(variants=[scalar.union.type]))
    return simple(_SIMPLE_SCALARS[kind]) if kind else None


def simple(kind: types_pb2.SimpleType) -> types_pb2.LiteralType:
    return types_pb2.LiteralType(simple=kind)


def _unify(literals: Iterable[literals_pb2.Literal]) -> types_pb2.LiteralType | None:
    """One type for all elements: NONE when there are none, a union when they differ."""
    distinct: dict[bytes, types_pb2.LiteralType] = {}
    empty: types_pb2.LiteralType | None = None
    for literal in literals:
        inferred = infer_type(literal)
        if inferred is None:
            return None
        if literal.WhichOneof("value") == "collection" and not literal.collection.literals:
            empty = inferred
        else:
            distinct.setdefault(inferred.SerializeToString(deterministic=True), inferred)
    if not distinct:
        return empty or simple(types_pb2.NONE)
    if len(distinct) == 1:
        return next(iter(distinct.values()))
    return _union(sorted(distinct.values(), key=one_line))


def _union(members: list[types_pb2.LiteralType]) -> types_pb2.LiteralType:
    """Lists of unions are merged into one list of a union, as flytepropeller does."""
    variants: list[types_pb2.LiteralType] = []
    is_nested = False
    for member in members:
        inner = member.collection_type.union_type if member.HasField("collection_type") else None
        if inner is not None and inner.variants:
            is_nested = True
            variants.extend(inner.variants)
        else:
            variants.append(member)
    union = types_pb2.LiteralType(union_type=types_pb2.UnionType(variants=variants))
    return types_pb2.LiteralType(collection_type=union) if is_nested else union
