"""Turns a node's bindings into literals. Pure.

Source: flytepropeller pkg/controller/nodes/{resolve,output_resolver,attr_path_resolver}.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import msgpack
from flyteidl.core import literals_pb2, types_pb2
from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct

Literal: TypeAlias = literals_pb2.Literal
OutputOf = Callable[[str], literals_pb2.LiteralMap]
"""The outputs of a node of the same scope, by its id."""


Fetch = Callable[[str], Literal]
"""A literal that lies in a file of its own, by its address."""


class BindingError(Exception):
    """A binding cannot be resolved; the node fails with ``BindingResolutionFailure``."""


def resolve(bindings: Any, output_of: OutputOf, fetch: Fetch) -> literals_pb2.LiteralMap:
    """:param bindings: ``core.Binding`` messages.

    :param fetch: reads a literal that is too large for its message, when a part of it is asked for.
    :raises BindingError: for a missing output or attribute.
    """
    resolved = literals_pb2.LiteralMap()
    for binding in bindings:
        resolved.literals[binding.var].CopyFrom(_resolve(binding.binding, output_of, fetch))
    return resolved


def _resolve(data: literals_pb2.BindingData, output_of: OutputOf, fetch: Fetch) -> Literal:
    match data.WhichOneof("value"):
        case "scalar":
            return Literal(scalar=data.scalar)
        case "promise":
            return _resolve_promise(data.promise, output_of, fetch)
        case "collection":
            items = [_resolve(item, output_of, fetch) for item in data.collection.bindings]
            return Literal(collection=literals_pb2.LiteralCollection(literals=items))
        case "map":
            entries = {key: _resolve(item, output_of, fetch) for key, item in data.map.bindings.items()}
            return Literal(map=literals_pb2.LiteralMap(literals=entries))
        case "offloaded_metadata":
            return Literal(offloaded_metadata=data.offloaded_metadata)
        case _:
            return Literal(scalar=literals_pb2.Scalar(none_type=literals_pb2.Void()))


def _resolve_promise(promise: types_pb2.OutputReference, output_of: OutputOf, fetch: Fetch) -> Literal:
    outputs = output_of(promise.node_id).literals
    if promise.var not in outputs:
        raise BindingError(f"output '{promise.var}' of node '{promise.node_id}' does not exist")
    literal = outputs[promise.var]
    if promise.attr_path and literal.HasField("offloaded_metadata"):
        literal = fetch(literal.offloaded_metadata.uri)
    for step, attribute in enumerate(promise.attr_path):
        key = _attribute(attribute)
        kind = literal.WhichOneof("value")
        if kind == "map" and isinstance(key, str):
            literal = _from_map(literal, key)
        elif kind == "collection" and isinstance(key, int):
            literal = _from_collection(literal, key)
        else:
            return _walk(literal, [_attribute(rest) for rest in promise.attr_path[step:]])
    return literal


def _attribute(attribute: types_pb2.PromiseAttribute) -> str | int:
    return str(attribute.string_value) if attribute.HasField("string_value") else int(attribute.int_value)


def _from_map(literal: Literal, key: str) -> Literal:
    if key not in literal.map.literals:
        raise BindingError(f"key [{key}] does not exist in literal {list(literal.map.literals)}")
    return literal.map.literals[key]


def _from_collection(literal: Literal, index: int) -> Literal:
    items = literal.collection.literals
    if not 0 <= index < len(items):
        raise BindingError(f"index [{index}] is out of range of {len(items)} literals")
    return items[index]


def _walk(literal: Literal, path: list[str | int]) -> Literal:
    """Into what a task packed as one value: msgpack, or the older Struct."""
    scalar = literal.scalar
    if scalar.HasField("binary") and scalar.binary.tag == "msgpack":
        value = _descend(msgpack.unpackb(scalar.binary.value, strict_map_key=False), path)
        return _from_msgpack(value)
    if scalar.HasField("generic"):
        return _from_struct(_descend(_plain(scalar.generic), path))
    raise BindingError(f"attribute {path} does not exist in literal of kind {literal.WhichOneof('value')}")


def _descend(value: Any, path: list[str | int]) -> Any:
    for key in path:
        if isinstance(value, dict):
            if key not in value:
                raise BindingError(f"key [{key}] does not exist in literal {value}")
            value = value[key]
        elif isinstance(value, list):
            if not isinstance(key, int) or not 0 <= key < len(value):
                raise BindingError(f"index [{key}] is out of range of {value}")
            value = value[key]
        else:
            raise BindingError(f"key [{key}] does not exist in literal {value}")
    return value


def _plain(struct: Struct) -> dict[str, Any]:
    return MessageToDict(struct)


def _primitive(value: Any) -> Literal | None:
    match value:
        case bool():
            primitive = literals_pb2.Primitive(boolean=value)
        case int():
            primitive = literals_pb2.Primitive(integer=value)
        case float():
            primitive = literals_pb2.Primitive(float_value=value)
        case str():
            primitive = literals_pb2.Primitive(string_value=value)
        case _:
            return None
    return Literal(scalar=literals_pb2.Scalar(primitive=primitive))


def _binary(value: Any) -> Literal:
    binary = literals_pb2.Binary(value=msgpack.packb(value), tag="msgpack")
    return Literal(scalar=literals_pb2.Scalar(binary=binary))


def _from_msgpack(value: Any) -> Literal:
    """Leaves become primitives, lists collections of packed items, anything else stays packed."""
    if (primitive := _primitive(value)) is not None:
        return primitive
    if isinstance(value, list):
        collection = literals_pb2.LiteralCollection(literals=[_binary(item) for item in value])
        return Literal(collection=collection)
    return _binary(value)


def _from_struct(value: Any) -> Literal:
    if (primitive := _primitive(value)) is not None:
        return primitive
    if isinstance(value, list):
        collection = literals_pb2.LiteralCollection(literals=[_from_struct(item) for item in value])
        return Literal(collection=collection)
    if value is None:
        return Literal(scalar=literals_pb2.Scalar(none_type=literals_pb2.Void()))
    struct = Struct()
    struct.update(value)
    return Literal(scalar=literals_pb2.Scalar(generic=struct))
