"""Are the values of a literal map or a parameter map there and well formed?

Source: flyteadmin pkg/manager/impl/validation/validation.go (validateLiteralMap, validateParameterMap).
"""

from __future__ import annotations

from flyteidl.core import interface_pb2, literals_pb2, types_pb2
from google.protobuf import timestamp_pb2

from flyte_sandbox.compiler.literals import infer_type
from flyte_sandbox.compiler.typing import describe, is_castable
from flyte_sandbox.errors import InvalidArgument

_MIN_SECONDS, _MAX_SECONDS = -62_135_596_800, 253_402_300_799
"""The years 1 to 9999."""


def validate_literal_map(literals: literals_pb2.LiteralMap, field: str) -> None:
    """:param field: what the map is called in messages, as in ``inputs``."""
    for name in sorted(literals.literals):
        literal = literals.literals[name]
        _require_key(name, field)
        if literal.WhichOneof("value") is None:
            raise InvalidArgument(f"missing valid literal in {field} {name}")
        _validate_datetime(literal)


def validate_parameter_map(parameters: interface_pb2.ParameterMap, field: str) -> None:
    """Without the artifact service a parameter has a default, or it is required."""
    for name in sorted(parameters.parameters):
        parameter = parameters.parameters[name]
        if parameter.WhichOneof("behavior") == "artifact_query":
            raise InvalidArgument(f"artifact mode not enabled but query found {field} {name}")
        _require_key(name, field)
        if not parameter.var.HasField("type"):
            raise InvalidArgument(
                f"The Variable component of the Parameter {name} in {field} either is missing,"
                " or has a missing Type"
            )
        _validate_default(name, parameter, field)


def type_of_value(name: str, literal: literals_pb2.Literal) -> types_pb2.LiteralType:
    """:raises InvalidArgument: a value whose type nobody can tell."""
    inferred = infer_type(literal)
    if inferred is None:
        raise InvalidArgument(
            f"Failed to validate literal type for [{name}] with err: got unknown literal type: [<nil>].\n"
            "Suggested solution: Please update all your Flyte deployment images to the latest version"
            " and try again"
        )
    return inferred


def _validate_default(name: str, parameter: interface_pb2.Parameter, field: str) -> None:
    if parameter.WhichOneof("behavior") != "default":
        if not parameter.required:
            raise InvalidArgument(
                f"Invalid variable {name} in {field} - variable has neither default, nor is required."
                " One must be specified"
            )
        return
    inferred = type_of_value(name, parameter.default)
    if not is_castable(inferred, parameter.var.type):
        raise InvalidArgument(
            f"Type mismatch for Parameter {name} in {field} has type {describe(parameter.var.type)},"
            f" expected {describe(inferred)}"
        )
    _validate_datetime(parameter.default)


def _require_key(name: str, field: str) -> None:
    if not name:
        raise InvalidArgument(f"missing key in {field}")


def _validate_datetime(literal: literals_pb2.Literal) -> None:
    if literal.scalar.primitive.WhichOneof("value") == "datetime":
        validate_timestamp(literal.scalar.primitive.datetime)


def validate_timestamp(timestamp: timestamp_pb2.Timestamp) -> None:
    told = f"proto: timestamp (seconds:{timestamp.seconds} nanos:{timestamp.nanos})"
    if timestamp.seconds < _MIN_SECONDS:
        raise InvalidArgument(f"{told} before 0001-01-01")
    if timestamp.seconds > _MAX_SECONDS:
        raise InvalidArgument(f"{told} after 9999-12-31")
    if not 0 <= timestamp.nanos < 1_000_000_000:
        raise InvalidArgument(f"{told} has out-of-range nanos")
