"""Is a request to launch something well formed? Pure; whether it names things that exist is asked elsewhere.

Source: flyteadmin pkg/manager/impl/validation/execution_validator.go.
"""

from __future__ import annotations

from flyteidl.admin import execution_pb2
from flyteidl.core import identifier_pb2, literals_pb2

from flyte_sandbox.compiler.identifiers import (
    require,
    validate_execution_name,
    validate_identifier_fields,
    validate_labels,
    validate_notifications,
)
from flyte_sandbox.compiler.literal_values import validate_literal_map
from flyte_sandbox.errors import InvalidArgument


def given_inputs(request: execution_pb2.ExecutionCreateRequest) -> literals_pb2.LiteralMap:
    """The web console sends its inputs inside the spec."""
    return request.inputs if request.inputs.literals else request.spec.inputs


def validate_address(request: execution_pb2.ExecutionCreateRequest) -> None:
    """Where the execution will live, before anybody asks whether the project exists."""
    require(request.project, "project")
    require(request.domain, "domain")
    validate_execution_name(request.name)


def validate_spec(request: execution_pb2.ExecutionCreateRequest, inputs: literals_pb2.LiteralMap) -> None:
    """:raises InvalidArgument: with flyteadmin's first complaint."""
    require(request.HasField("spec"), "spec")
    validate_identifier_fields(request.spec.launch_plan)
    _check_kind(request.spec.launch_plan.resource_type)
    validate_literal_map(inputs, "inputs")
    validate_notifications(request.spec.notifications.notifications)
    validate_labels(request.spec.labels)


def _check_kind(resource_type: int) -> None:
    if resource_type in (identifier_pb2.LAUNCH_PLAN, identifier_pb2.TASK):
        return
    known = identifier_pb2.ResourceType.DESCRIPTOR.values_by_number.get(resource_type)
    raise InvalidArgument(
        f"Invalid reference entity resource type [{known.name if known else resource_type}], "
        "expected TASK or LAUNCH_PLAN"
    )
