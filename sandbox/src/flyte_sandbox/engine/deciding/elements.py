"""What an array node's elements get and give. Pure.

Source: flytepropeller pkg/controller/nodes/array/handler.go.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator

from flyteidl.core import literals_pb2, types_pb2, workflow_pb2

_NOTHING = literals_pb2.Literal(scalar=literals_pb2.Scalar(none_type=literals_pb2.Void()))


class ArrayLengthError(Exception):
    """The lists do not go together; the node fails with ``InvalidArrayLength``."""


def with_lists(
    inputs: literals_pb2.LiteralMap, fetch: Callable[[str], literals_pb2.Literal]
) -> literals_pb2.LiteralMap:
    """:return: the inputs with those lists inside that were too large for the message."""
    large = {
        name: literal.offloaded_metadata
        for name, literal in inputs.literals.items()
        if literal.offloaded_metadata.inferred_type.HasField("collection_type")
    }
    if not large:
        return inputs
    complete = literals_pb2.LiteralMap()
    complete.CopyFrom(inputs)
    for name, metadata in large.items():
        complete.literals[name].CopyFrom(fetch(metadata.uri))
    return complete


def size_of(inputs: literals_pb2.LiteralMap, bound: Iterable[str]) -> int:
    """The common length of all lists that are not bound; 1 when every input is bound.

    :raises ArrayLengthError: for lists of different lengths, or when there is none.
    """
    bound = set(bound)
    lengths = {
        name: len(literal.collection.literals)
        for name, literal in sorted(inputs.literals.items())
        if name not in bound and literal.HasField("collection")
    }
    if not lengths:
        if set(inputs.literals) <= bound:
            return 1
        raise ArrayLengthError("no input array provided")
    size = next(iter(lengths.values()))
    for length in lengths.values():
        if length != size:
            raise ArrayLengthError(
                f"input arrays have different lengths: expecting '{size}' found '{length}'"
            )
    return size


def inputs_of(inputs: literals_pb2.LiteralMap, bound: Iterable[str], index: int) -> literals_pb2.LiteralMap:
    """The single values that one element is about."""
    bound = set(bound)
    single = literals_pb2.LiteralMap()
    for name, literal in inputs.literals.items():
        is_list = name not in bound and literal.HasField("collection")
        single.literals[name].CopyFrom(literal.collection.literals[index] if is_list else literal)
    return single


def outputs_of(
    names: Iterable[str], outputs: Iterable[literals_pb2.LiteralMap | None]
) -> literals_pb2.LiteralMap:
    """For each output the list of the elements', with nothing in the place of one that failed."""
    outputs = list(outputs)
    collected = literals_pb2.LiteralMap()
    for name in names:
        items = [_NOTHING if one is None else one.literals.get(name, _NOTHING) for one in outputs]
        collected.literals[name].collection.literals.extend(items)
        collected.literals[name].collection.SetInParent()
    return collected


def names_asked_of(node_id: str, template: workflow_pb2.WorkflowTemplate) -> list[str]:
    """The outputs of a node that other nodes of its workflow are bound to."""
    found = (
        promise.var
        for node in template.nodes
        for binding in node.inputs
        for promise in _promises(binding.binding)
        if promise.node_id == node_id
    )
    return list(dict.fromkeys(found))


def _promises(data: literals_pb2.BindingData) -> Iterator[types_pb2.OutputReference]:
    if data.HasField("promise"):
        yield data.promise
    for inner in (*data.collection.bindings, *data.map.bindings.values()):
        yield from _promises(inner)


def min_successes(array: workflow_pb2.ArrayNode, size: int) -> int:
    match array.WhichOneof("success_criteria"):
        case "min_successes":
            return int(array.min_successes)
        case "min_success_ratio":
            # The ratio travels as a 32-bit float, and the real one rounds up what that makes of it: 0.6 of
            # 10 is 7.
            return math.ceil(float(array.min_success_ratio) * size)
        case _:
            return size


def describe_failures(messages: Iterable[tuple[int, str]]) -> str:
    """``[0][2-4]: boom``, one line for each different message."""
    by_text: dict[str, list[int]] = {}
    for index, text in messages:
        by_text.setdefault(text, []).append(index)
    return "\n".join(f"{''.join(_ranges(indices))}: {text}" for text, indices in by_text.items())


def _ranges(indices: list[int]) -> Iterator[str]:
    start = previous = indices[0]
    for index in [*indices[1:], -1]:
        if index == previous + 1:
            previous = index
            continue
        yield f"[{start}]" if start == previous else f"[{start}-{previous}]"
        start = previous = index
