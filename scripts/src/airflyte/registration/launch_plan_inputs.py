"""Puts addresses of uploaded files into launch plans, and refuses what only this machine could read.

Works on ``flytekit.models``, as the compiler makes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from airflyte.errors import AirflyteError
from airflyte.registration.input_files import InputFile
from airflyte.registration.plan import Entity


def set_defaults(specs: Mapping[Entity, Any], uris: Mapping[InputFile, str]) -> None:
    """Make uploaded files the defaults of the launch plans that their declarations mean.

    A launch plan that fixes the input keeps it fixed.

    :param specs: what the compiler gave; launch plans in it are changed.
    :param uris: the address of each declared file.
    :raises AirflyteError: for a workflow without launch plans, or without that input, or of another type.
    """
    for file, uri in uris.items():
        launch_plans = [spec for entity, spec in specs.items() if _launches(entity, spec, file.workflow)]
        if not launch_plans:
            raise AirflyteError(
                f"{file.declared_in} names the workflow {file.workflow}, which is not defined."
            )
        for launch_plan in launch_plans:
            _set_default(launch_plan.spec, file, uri)


def check_addresses(specs: Mapping[Entity, Any]) -> None:
    """Refuse inputs that are paths of this machine: no task elsewhere could read them.

    :raises AirflyteError: naming launch plan, input and path.
    """
    for entity, spec in specs.items():
        if entity.kind == "launch_plan":
            _check_launch_plan(entity.name, spec.spec)


def _launches(entity: Entity, spec: Any, workflow: str) -> bool:
    return entity.kind == "launch_plan" and spec.spec.workflow_id.name == workflow


def _set_default(spec: Any, file: InputFile, uri: str) -> None:
    from flytekit.models.core.types import BlobType
    from flytekit.models.interface import Parameter

    if file.input in spec.fixed_inputs.literals:
        return
    parameter = spec.default_inputs.parameters.get(file.input)
    if parameter is None:
        raise AirflyteError(f"{file.declared_in}: {file.workflow} has no input named {file.input}.")
    blob = parameter.var.type.blob
    if blob is None or blob.dimensionality != BlobType.BlobDimensionality.SINGLE:
        raise AirflyteError(f"{file.declared_in}: the input {file.input} of {file.workflow} takes no file.")
    spec.default_inputs.parameters[file.input] = Parameter(
        var=parameter.var, default=_blob_literal(blob, uri), required=False
    )


def _blob_literal(blob_type: Any, uri: str) -> Any:
    from flytekit.models.literals import Blob, BlobMetadata, Literal, Scalar

    return Literal(scalar=Scalar(blob=Blob(metadata=BlobMetadata(type=blob_type), uri=uri)))


def _check_launch_plan(name: str, spec: Any) -> None:
    defaults = {key: parameter.default for key, parameter in spec.default_inputs.parameters.items()}
    for key, literal in {**defaults, **spec.fixed_inputs.literals}.items():
        local = next(_local_paths([literal] if literal else []), None)
        if local:
            raise AirflyteError(
                f"The input {key} of launch plan {name} is {local}, a path on this machine, which a task "
                "could not read; declare the file in a launch_plan_defaults.toml beside the workflow. "
                "Nothing was registered."
            )


def _local_paths(literals: Iterable[Any]) -> Iterator[str]:
    for literal in literals:
        if literal.collection:
            yield from _local_paths(literal.collection.literals)
        elif literal.map:
            yield from _local_paths(literal.map.literals.values())
        elif literal.scalar and literal.scalar.union:
            yield from _local_paths([literal.scalar.union.value])
        elif literal.scalar:
            yield from (uri for uri in _uris(literal.scalar) if uri.startswith(("/", "file:")))


def _uris(scalar: Any) -> Iterator[str]:
    values = (scalar.blob, scalar.schema, scalar.structured_dataset)
    return (value.uri for value in values if value is not None and value.uri)
