"""The resource requests and limits of a container task.

Source: flyteadmin pkg/manager/impl/validation/task_validator.go.
The platform's own limits are unset in a sandbox.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple

from flyteidl.core import identifier_pb2, tasks_pb2

from flyte_sandbox.compiler.prototext import one_line
from flyte_sandbox.compiler.quantities import parse_quantity, round_up
from flyte_sandbox.errors import InvalidArgument

_RESOURCES = tasks_pb2.Resources
_CHECKED = (_RESOURCES.CPU, _RESOURCES.MEMORY, _RESOURCES.EPHEMERAL_STORAGE, _RESOURCES.GPU)


class _Quantity(NamedTuple):
    text: str
    value: Fraction


def validate_resources(task_id: identifier_pb2.Identifier, resources: tasks_pb2.Resources) -> None:
    """:raises InvalidArgument: a quantity does not parse, comes twice, or is beyond its limit."""
    requests = _read(task_id, resources.requests)
    limits = _read(task_id, resources.limits)
    for name, request in requests.items():
        if name in limits:
            _validate_request(task_id, name, request, limits[name])


def _read(
    task_id: identifier_pb2.Identifier, entries: Iterable[tasks_pb2.Resources.ResourceEntry]
) -> dict[int, _Quantity]:
    quantities: dict[int, _Quantity] = {}
    for entry in entries:
        if entry.name not in _CHECKED:
            continue
        if entry.name in quantities:
            raise InvalidArgument(
                f"can't specify {_name(entry.name)} limit for task [{one_line(task_id)}] multiple times"
            )
        quantities[entry.name] = quantity = _parse(entry)
        if entry.name == _RESOURCES.GPU and quantity.value.denominator != 1:
            raise InvalidArgument(
                f"gpu for [{one_line(task_id)}] must be a whole number, got: {quantity.text} instead"
            )
    return quantities


def _parse(entry: tasks_pb2.Resources.ResourceEntry) -> _Quantity:
    try:
        return _Quantity(entry.value, parse_quantity(entry.value))
    except ValueError as error:
        raise InvalidArgument(
            f"Parsing of {_name(entry.name)} request failed for value {entry.value} - reason  {error}."
            " Please follow K8s conventions for resources"
            " https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/"
        ) from error


def _validate_request(
    task_id: identifier_pb2.Identifier, name: int, request: _Quantity, limit: _Quantity
) -> None:
    if name == _RESOURCES.GPU:
        if request.value != limit.value:
            raise InvalidArgument(
                "For extended resource 'gpu' the default value must equal the limit value"
                f" for task [{one_line(task_id)}]"
            )
    elif round_up(limit.value) < round_up(request.value):
        raise InvalidArgument(
            f"Requested {_name(name)} default [{request.text}] is greater than the limit [{limit.text}]."
            " Please fix your configuration"
        )


def _name(resource: int) -> str:
    return str(_RESOURCES.ResourceName.Name(resource))
