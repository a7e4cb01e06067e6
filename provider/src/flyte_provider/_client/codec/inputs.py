"""All inputs of a launch against the interface of what is launched: unknown, missing, of the wrong type.

Source: flyteadmin pkg/manager/impl/validation/execution_validator.go, which would refuse the same later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flyteidl.core import literals_pb2, types_pb2

from flyte_provider._client.codec.encode import Upload, encode
from flyte_provider._client.codec.structs import did_you_mean
from flyte_provider._client.codec.type_names import name_type
from flyte_provider.exceptions import FlyteInputError


@dataclass(frozen=True)
class InputInterface:
    """What an entity takes.

    :param entity: for messages, as in ``launch plan 'a.b'``
    :param types: keyed by input name, without fixed inputs
    :param required: the names that have no default
    :param fixed: the names that the launch plan has fixed
    """

    entity: str
    types: Mapping[str, types_pb2.LiteralType]
    required: frozenset[str] = frozenset()
    fixed: frozenset[str] = field(default_factory=frozenset)


def encode_inputs(
    inputs: Mapping[str, Any], interface: InputInterface, upload: Upload | None = None
) -> literals_pb2.LiteralMap:
    """Return the inputs as literals; what is left out keeps the launch plan's default.

    :param inputs: values keyed by input name
    :param upload: stores dataframes and the like; called only when all inputs are right
    :raises FlyteInputError: one sentence about the first thing that does not fit
    """
    for name in inputs:
        _refuse_unknown(str(name), interface)
    for name in sorted(interface.required):
        if name not in inputs:
            raise FlyteInputError(
                f"input {name!r}: missing; {interface.entity} needs it ({name_type(interface.types[name])})",
                input_name=name,
            )
    checked = {
        name: _encode_one(name, value, interface, upload and _store_nothing) for name, value in inputs.items()
    }
    if upload is not None:
        checked = {name: _encode_one(name, value, interface, upload) for name, value in inputs.items()}
    return literals_pb2.LiteralMap(literals=checked)


def _store_nothing(value: Any, literal_type: types_pb2.LiteralType) -> literals_pb2.Literal:
    """Stand in for the upload while the inputs are checked."""
    return literals_pb2.Literal()


def _refuse_unknown(name: str, interface: InputInterface) -> None:
    if name in interface.types:
        return
    if name in interface.fixed:
        raise FlyteInputError(f"input {name!r}: fixed by {interface.entity}, leave it out", input_name=name)
    known = ", ".join(repr(one) for one in sorted(interface.types)) or "no inputs"
    raise FlyteInputError(
        f"input {name!r}: unknown to {interface.entity}, which takes {known}"
        + did_you_mean(name, list(interface.types)),
        input_name=name,
    )


def _encode_one(
    name: str, value: Any, interface: InputInterface, upload: Upload | None
) -> literals_pb2.Literal:
    try:
        return encode(value, interface.types[name], f"input {name!r}", upload)
    except FlyteInputError as exc:
        exc.input_name = name
        raise
