"""Does what is bound to a node's inputs exist, and does it fit?

Source: flytepropeller pkg/compiler/validators/bindings.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from flyteidl.core import literals_pb2, types_pb2, workflow_pb2
from flyteidl.core.types_pb2 import LiteralType

from flyte_sandbox.compiler.compile_errors import ErrorCollector, Flaw
from flyte_sandbox.compiler.context import Context, Types
from flyte_sandbox.compiler.literals import infer_type
from flyte_sandbox.compiler.prototext import one_line
from flyte_sandbox.compiler.typing import describe, is_castable, is_optional

_VARIABLE = re.compile(r"(?:\[(?P<index>\d+)\]\.)?(?P<name>[^\[\]]+)")
"""``[2].o0`` is the legacy way to take one element; today there is ``attr_path``."""

_ANY = LiteralType(simple=types_pb2.NONE)
"""Stands for the type of an input that takes any: a collection does not fit it, everything else does."""


class Bound(NamedTuple):
    """:param types: of what is bound, by input.
    :param upstream: the nodes that it comes from.
    """

    types: Types
    upstream: set[str]


class _Resolved(NamedTuple):
    type: LiteralType
    upstream: list[str]


def check_bindings(context: Context, node: workflow_pb2.Node, inputs: Types | None) -> Bound:
    """:param inputs: the node's inputs; None for one that takes whatever it is bound to (branch, approve)."""
    checker = _Checker(context, node, inputs is None)
    bound = Bound({}, set())
    given: set[str] = set()
    for binding in node.inputs:
        expected = _ANY if inputs is None else inputs.get(binding.var)
        if checker.is_acceptable(binding, expected, given):
            given.add(binding.var)
            resolved = checker.resolve(binding.var, binding.binding, expected, context.errors)
            if resolved is not None:
                bound.types[binding.var] = resolved.type
                bound.upstream.update(resolved.upstream)
    for name, expected in (inputs or {}).items():
        if name not in given and not is_optional(expected):
            context.errors.add(Flaw.NOT_BOUND, node.id, name)
    return bound


class _Checker:
    def __init__(self, context: Context, node: workflow_pb2.Node, takes_any: bool) -> None:
        self._nodes = context.nodes
        self._errors = context.errors
        self._node_id = node.id
        self._label = f"{node.metadata.name}." if node.HasField("metadata") else ""
        self._takes_any = takes_any

    def is_acceptable(
        self, binding: literals_pb2.Binding, expected: LiteralType | None, given: set[str]
    ) -> bool:
        if expected is None:
            self._errors.add(Flaw.VARIABLE_NOT_FOUND, self._node_id, binding.var, self._node_id)
        elif not binding.HasField("binding"):
            self._errors.add(Flaw.VALUE_REQUIRED, self._node_id, "Binding")
        elif binding.var in given:
            self._errors.add(Flaw.BOUND_TWICE, self._node_id, binding.var)
        else:
            return True
        return False

    def resolve(
        self, var: str, data: literals_pb2.BindingData, expected: LiteralType, errors: ErrorCollector
    ) -> _Resolved | None:
        """:return: None when it does not fit; ``errors`` say why, or those of the upstream node do."""
        kind = data.WhichOneof("value")
        if kind == "promise":
            return self._resolve_promise(var, data.promise, expected, errors)
        if kind == "scalar":
            return self._resolve_scalar(var, data.scalar, expected, errors)
        if expected.HasField("union_type"):
            return self._resolve_union(var, data, expected, errors)
        if kind == "collection" and expected.HasField("collection_type"):
            items = data.collection.bindings
            return self._resolve_elements(var, items, expected, "collection_type", errors)
        if kind == "map" and expected.HasField("map_value_type"):
            values = data.map.bindings.values()
            return self._resolve_elements(var, values, expected, "map_value_type", errors)
        errors.add(
            Flaw.BINDING_MISMATCH, self._node_id, var, self._node_id, describe(expected), one_line(data)
        )
        return None

    def _resolve_elements(
        self,
        var: str,
        items: Iterable[literals_pb2.BindingData],
        expected: LiteralType,
        kind: str,
        errors: ErrorCollector,
    ) -> _Resolved | None:
        results = [self.resolve(var, item, getattr(expected, kind), errors) for item in items]
        found = [result for result in results if result is not None]
        if len(found) < len(results):
            return None
        return _Resolved(expected, [node_id for result in found for node_id in result.upstream])

    def _resolve_union(
        self, var: str, data: literals_pb2.BindingData, expected: LiteralType, errors: ErrorCollector
    ) -> _Resolved | None:
        matches: list[tuple[LiteralType, _Resolved]] = []
        for variant in expected.union_type.variants:
            resolved = self.resolve(var, data, variant, ErrorCollector())
            if resolved is not None:
                matches.append((variant, resolved))
        if len(matches) == 1:
            return matches[0][1]
        told = (var, self._node_id, describe(expected), one_line(data))
        if matches:
            variants = [describe(variant) for variant, _ in matches[:2]]
            errors.add(Flaw.AMBIGUOUS_UNION, self._node_id, *told, *variants)
        else:
            errors.add(Flaw.INCOMPATIBLE_UNION, self._node_id, *told)
        return None

    def _resolve_scalar(
        self, var: str, scalar: literals_pb2.Scalar, expected: LiteralType, errors: ErrorCollector
    ) -> _Resolved | None:
        inferred = infer_type(literals_pb2.Literal(scalar=scalar))
        if inferred is None:
            errors.add(Flaw.UNRECOGNIZED_VALUE, self._node_id, scalar.WhichOneof("value") or "<nil>")
            return None
        if not self._takes_any and not is_castable(inferred, expected):
            told = (var, describe(inferred), describe(expected))
            errors.add(Flaw.TYPE_MISMATCH, self._node_id, *told)
            return None
        text = scalar.primitive.string_value
        if expected.HasField("enum_type") and text not in expected.enum_type.values:
            values = " ".join(expected.enum_type.values)
            errors.add(Flaw.ILLEGAL_ENUM_VALUE, self._node_id, var, self._node_id, values, text)
            return None
        return _Resolved(inferred, [])

    def _resolve_promise(
        self, var: str, promise: types_pb2.OutputReference, expected: LiteralType, errors: ErrorCollector
    ) -> _Resolved | None:
        declared = self._declared_type(var, promise, errors)
        given = None if declared is None else self._follow(promise, declared, errors)
        if given is None:
            return None
        if not self._takes_any and not is_castable(given, expected):
            source = self._nodes[promise.node_id].label
            told = (f"{source}.{promise.var}" if source else promise.var, describe(given))
            errors.add(
                Flaw.VARIABLE_MISMATCH, self._node_id, *told, f"{self._label}{var}", describe(expected)
            )
            return None
        # Not the type after attr_path: flytepropeller forgets it, so a branch cannot compare an attribute.
        return _Resolved(declared, [promise.node_id])

    def _declared_type(
        self, var: str, promise: types_pb2.OutputReference, errors: ErrorCollector
    ) -> LiteralType | None:
        upstream = self._nodes.get(promise.node_id)
        name = _VARIABLE.fullmatch(promise.var)
        if upstream is None:
            errors.add(Flaw.NODE_NOT_FOUND, self._node_id, promise.node_id)
            errors.add(Flaw.NOT_BOUND, self._node_id, var)
        elif name is None:
            errors.add(Flaw.SYNTAX, self._node_id, promise.var)
        elif upstream.outputs is not None and name["name"] not in upstream.outputs:
            errors.add(Flaw.VARIABLE_NOT_FOUND, self._node_id, name["name"], promise.node_id)
            errors.add(Flaw.NOT_BOUND, self._node_id, var)
        elif upstream.outputs is not None:
            return upstream.outputs[name["name"]]
        return None

    def _follow(
        self, promise: types_pb2.OutputReference, declared: LiteralType, errors: ErrorCollector
    ) -> LiteralType | None:
        """The type at the end of the path; a step into a struct without declared members stays there."""
        current: Any = declared
        if promise.var.startswith("["):
            if not declared.HasField("collection_type"):
                errors.add(Flaw.TYPE_MISMATCH, self._node_id, promise.var, describe(declared), "collection")
                return None
            current = current.collection_type
        for step in promise.attr_path:
            kind = current.WhichOneof("type")
            if kind in ("collection_type", "map_value_type"):
                current = getattr(current, kind)
            elif current.structure.dataclass_type:
                if step.string_value not in current.structure.dataclass_type:
                    told = (promise.var, describe(current), step.string_value)
                    errors.add(Flaw.FIELD_NOT_FOUND, self._node_id, *told)
                    return None
                current = current.structure.dataclass_type[step.string_value]
        return current
