"""Types without what does not matter to the engine: descriptions, metadata, most annotations.

What is left is what the cache key is made of. Source: flytepropeller pkg/compiler/transformers/k8s/utils.go.
"""

from __future__ import annotations

from flyteidl.core import interface_pb2, types_pb2

CACHE_KEY_ANNOTATION = "cache-key-metadata"
"""An annotation with this key takes part in the cache key, so it stays."""


def strip_variable_map(variables: interface_pb2.VariableMap) -> interface_pb2.VariableMap:
    stripped = interface_pb2.VariableMap()
    for name, variable in variables.variables.items():
        entry = stripped.variables[name]
        entry.CopyFrom(variable)
        entry.description = ""
        _strip(entry.type)
    return stripped


def _strip(literal_type: types_pb2.LiteralType) -> None:
    literal_type.ClearField("metadata")
    if CACHE_KEY_ANNOTATION not in literal_type.annotation.annotations.fields:
        literal_type.ClearField("annotation")
    for member in literal_type.structure.dataclass_type.values():
        _strip(member)
    kind = literal_type.WhichOneof("type")
    if kind == "union_type":
        for variant in literal_type.union_type.variants:
            _strip(variant)
    elif kind in ("collection_type", "map_value_type"):
        _strip(getattr(literal_type, kind))
    elif kind == "structured_dataset_type":
        for column in literal_type.structured_dataset_type.columns:
            _strip(column.literal_type)
