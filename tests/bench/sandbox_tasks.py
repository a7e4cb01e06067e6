"""How many tasks a second the sandbox runs: a map task with very many elements that do nothing."""

from __future__ import annotations

from flyteidl.core import literals_pb2

from . import measured_files
from .figures import Measurement, MeasurementError
from .flyte_client import Pyflyte, integer, outputs, run
from .workshop import Workshop

_ELEMENTS = 1_000
_LIMIT_SECONDS = 300.0


def tasks(workshop: Workshop) -> Measurement:
    """Elements divided by the seconds from CreateExecution to SUCCEEDED."""
    with workshop.server() as server:
        folder = measured_files.copy(workshop, "mapped")
        Pyflyte(workshop.new_folder("client"), server).register("mapped.py", folder)
        run(server, "mapped.mapped", {"numbers": _numbers(10)})
        id, seconds = run(
            server, "mapped.mapped", {"numbers": _numbers(_ELEMENTS)}, limit_seconds=_LIMIT_SECONDS
        )
        found = outputs(server, id)["o0"]
    if found != _numbers(_ELEMENTS):
        raise MeasurementError(
            f"The map task returned {len(found.collection.literals)} elements or wrong ones."
        )
    workshop.say(f"{_ELEMENTS} elements in {seconds:.1f} s")
    return Measurement(_ELEMENTS / seconds)


def _numbers(count: int) -> literals_pb2.Literal:
    literals = [integer(number) for number in range(count)]
    return literals_pb2.Literal(collection=literals_pb2.LiteralCollection(literals=literals))
