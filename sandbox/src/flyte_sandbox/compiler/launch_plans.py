"""Checks a launch plan against its workflow, and an execution's inputs against the launch plan.

Source: flyteadmin pkg/manager/impl/validation/{launch_plan_validator,execution_validator}.go.
"""

from __future__ import annotations

from flyteidl.admin import launch_plan_pb2
from flyteidl.core import identifier_pb2, interface_pb2, literals_pb2

from flyte_sandbox.compiler.identifiers import validate_identifier
from flyte_sandbox.compiler.literals import infer_type
from flyte_sandbox.compiler.typing import describe, is_castable
from flyte_sandbox.errors import InvalidArgument


def compile_launch_plan(
    launch_plan_id: identifier_pb2.Identifier,
    spec: launch_plan_pb2.LaunchPlanSpec,
    workflow_interface: interface_pb2.TypedInterface,
) -> tuple[launch_plan_pb2.LaunchPlanSpec, interface_pb2.ParameterMap, interface_pb2.VariableMap]:
    """:return: the spec as stored (``default_inputs`` are the expected inputs), expected inputs, outputs."""
    validate_identifier(launch_plan_id, identifier_pb2.LAUNCH_PLAN)
    expected = interface_pb2.ParameterMap()
    for name, variable in workflow_interface.inputs.variables.items():
        if name in spec.default_inputs.parameters:
            expected.parameters[name].CopyFrom(spec.default_inputs.parameters[name])
        elif name not in spec.fixed_inputs.literals:
            expected.parameters[name].var.CopyFrom(variable)
            expected.parameters[name].required = True
    stored = launch_plan_pb2.LaunchPlanSpec()
    stored.CopyFrom(spec)
    stored.default_inputs.CopyFrom(expected)
    return stored, expected, workflow_interface.outputs


def resolve_inputs(
    expected: interface_pb2.ParameterMap, fixed: literals_pb2.LiteralMap, given: literals_pb2.LiteralMap
) -> literals_pb2.LiteralMap:
    """The inputs of an execution: what was given, else the defaults, and the fixed inputs.

    :raises InvalidArgument: an unknown, a missing or a mistyped input.
    """
    for name in sorted(given.literals):
        if name not in expected.parameters:
            raise InvalidArgument(f"invalid input {name}")
    resolved = literals_pb2.LiteralMap()
    for name in sorted(expected.parameters):
        resolved.literals[name].CopyFrom(_resolve(name, expected.parameters[name], given))
    for name in sorted(fixed.literals):
        if name in resolved.literals:
            raise InvalidArgument(f"fixed_inputs {name} cannot be overridden")
        resolved.literals[name].CopyFrom(fixed.literals[name])
    return resolved


def _resolve(
    name: str, parameter: interface_pb2.Parameter, given: literals_pb2.LiteralMap
) -> literals_pb2.Literal:
    if name not in given.literals:
        if parameter.required:
            raise InvalidArgument(f"expected_inputs {name} missing")
        return parameter.default
    inferred = infer_type(given.literals[name])
    if not is_castable(inferred, parameter.var.type):
        raise InvalidArgument(
            f"invalid {name} input wrong type."
            f" Expected {describe(parameter.var.type)}, but got {describe(inferred)}"
        )
    return given.literals[name]
