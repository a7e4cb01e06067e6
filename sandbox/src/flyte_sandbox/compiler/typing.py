"""May a value of one type be given where another type is declared?

Source: flytepropeller pkg/compiler/validators/typing.go (AreTypesCastable).
"""

from __future__ import annotations

from flyteidl.core import types_pb2

from flyte_sandbox.compiler.prototext import one_line


def describe(literal_type: types_pb2.LiteralType | None) -> str:
    """A type in messages, as flyteadmin prints it: ``simple:INTEGER``."""
    return one_line(literal_type)


def is_none(literal_type: types_pb2.LiteralType) -> bool:
    return literal_type.WhichOneof("type") == "simple" and bool(literal_type.simple == types_pb2.NONE)


def is_castable(upstream: types_pb2.LiteralType | None, downstream: types_pb2.LiteralType) -> bool:
    """:param upstream: the type of what is given; None (a literal without a type) fits nowhere."""
    if upstream is None:
        return False
    return describe(upstream) == describe(downstream)
