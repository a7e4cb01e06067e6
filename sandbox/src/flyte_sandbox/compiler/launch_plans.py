"""Checks a launch plan against its workflow, and an execution's inputs against the launch plan.

Source: flyteadmin pkg/manager/impl/validation/{launch_plan_validator,execution_validator}.go.
"""

from __future__ import annotations

from flyteidl.admin import launch_plan_pb2
from flyteidl.core import identifier_pb2, interface_pb2, literals_pb2

from flyte_sandbox.compiler.identifiers import (
    validate_identifier,
    validate_labels,
    validate_notifications,
)
from flyte_sandbox.compiler.literal_values import type_of_value, validate_literal_map, validate_parameter_map
from flyte_sandbox.compiler.prototext import one_line
from flyte_sandbox.compiler.schedules import validate_schedule
from flyte_sandbox.compiler.typing import describe, is_castable
from flyte_sandbox.errors import InvalidArgument


def compile_launch_plan(
    launch_plan_id: identifier_pb2.Identifier,
    spec: launch_plan_pb2.LaunchPlanSpec,
    workflow_interface: interface_pb2.TypedInterface,
) -> tuple[launch_plan_pb2.LaunchPlanSpec, interface_pb2.ParameterMap, interface_pb2.VariableMap]:
    """The workflow has been looked up by the caller; the project is not looked up.

    :return: the spec as it is stored, the expected inputs and the expected outputs. ``default_inputs`` of the
        spec are the expected inputs: the console's form reads them there.
    :raises InvalidArgument: with flyteadmin's first complaint.
    """
    validate_identifier(launch_plan_id, identifier_pb2.LAUNCH_PLAN)
    validate_identifier(spec.workflow_id, identifier_pb2.WORKFLOW)
    validate_labels(spec.labels)
    validate_literal_map(spec.fixed_inputs, "fixed_inputs")
    validate_parameter_map(spec.default_inputs, "default_inputs")
    expected = _expect_inputs(spec, workflow_interface.inputs)
    validate_schedule(spec.entity_metadata.schedule, expected)
    _validate_metadata(spec.entity_metadata)
    stored, outputs = launch_plan_pb2.LaunchPlanSpec(), interface_pb2.VariableMap()
    stored.CopyFrom(spec)
    stored.default_inputs.CopyFrom(expected)
    outputs.CopyFrom(workflow_interface.outputs)
    return stored, expected, outputs


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


def _expect_inputs(
    spec: launch_plan_pb2.LaunchPlanSpec, inputs: interface_pb2.VariableMap
) -> interface_pb2.ParameterMap:
    defaults, fixed = spec.default_inputs.parameters, spec.fixed_inputs.literals
    if not inputs.variables:
        for kind, given in (("default", defaults), ("fixed", fixed)):
            if given:
                raise InvalidArgument(
                    f"invalid launch plan {kind} inputs, expected none but found {len(given)}"
                )
    for name in sorted(defaults):
        _check_default(name, defaults[name], inputs)
    for name in sorted(fixed):
        _check_fixed(name, fixed[name], inputs)
    expected = interface_pb2.ParameterMap()
    for name in inputs.variables:
        if name in defaults:
            expected.parameters[name].CopyFrom(defaults[name])
        elif name not in fixed:
            variable = inputs.variables[name]
            required = interface_pb2.Variable(type=variable.type, description=variable.description)
            expected.parameters[name].CopyFrom(interface_pb2.Parameter(var=required, required=True))
    return expected


def _check_default(name: str, given: interface_pb2.Parameter, inputs: interface_pb2.VariableMap) -> None:
    if name not in inputs.variables:
        raise InvalidArgument(f"unexpected default_input {name}")
    wanted = inputs.variables[name].type
    if not is_castable(given.var.type, wanted):
        raise InvalidArgument(
            f"invalid default_input wrong type {name},"
            f" expected {describe(given.var.type)}, got {describe(wanted)} instead"
        )


def _check_fixed(name: str, given: literals_pb2.Literal, inputs: interface_pb2.VariableMap) -> None:
    if name not in inputs.variables:
        raise InvalidArgument(f"unexpected fixed_input {name}")
    wanted, inferred = inputs.variables[name].type, type_of_value(name, given)
    if not is_castable(inferred, wanted):
        raise InvalidArgument(
            f"invalid fixed_input wrong type {name},"
            f" expected {describe(wanted)}, got {describe(inferred)} instead"
        )


def _validate_metadata(metadata: launch_plan_pb2.LaunchPlanMetadata) -> None:
    validate_notifications(metadata.notifications)
    if metadata.HasField("launch_conditions"):
        raise InvalidArgument(f"Launch condition must be empty, found {one_line(metadata.launch_conditions)}")


def _resolve(
    name: str, parameter: interface_pb2.Parameter, given: literals_pb2.LiteralMap
) -> literals_pb2.Literal:
    if name not in given.literals:
        if parameter.required:
            raise InvalidArgument(f"expected_inputs {name} missing")
        return parameter.default
    inferred = type_of_value(name, given.literals[name])
    if not is_castable(inferred, parameter.var.type):
        raise InvalidArgument(
            f"invalid {name} input wrong type."
            f" Expected {describe(parameter.var.type)}, but got {describe(inferred)}"
        )
    return given.literals[name]
