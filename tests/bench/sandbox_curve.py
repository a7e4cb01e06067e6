"""Whether a node costs the same in a large workflow as in a small one: a curve, and its two ends as a ratio.

What is counted is the server's processor time: the shape is asked for, and whatever else the machine does
would bend a curve of elapsed times. What flytekit takes to yield nodes is not the server's.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable

from . import measured_files, sleeping_graphs
from .figures import Measurement
from .flyte_client import MANY_AT_ONCE, Pyflyte, integer, run
from .server import Server
from .workshop import Workshop

_SIZES = (100, 300, 1_000)
_ROUNDS = 3
_LIMIT_SECONDS = 300.0


def static(workshop: Workshop) -> Measurement:
    """Milliseconds per node of a workflow with 1,000 nodes; reference one with 100."""
    with workshop.server(warm=False) as server:
        sleeping_graphs.register_task(server)
        plans = {size: sleeping_graphs.register_fan(server, size) for size in _SIZES}

        def run_fan(size: int) -> None:
            inputs = sleeping_graphs.inputs(0)
            run(server, plans[size], inputs, max_parallelism=MANY_AT_ONCE, limit_seconds=_LIMIT_SECONDS)

        return _curve(workshop, server, run_fan)


def dynamic(workshop: Workshop) -> Measurement:
    """The same of a dynamic task that yields the nodes."""
    with workshop.server() as server:
        folder = measured_files.copy(workshop, "sleeping")
        Pyflyte(workshop.new_folder("client"), server).register("sleeping.py", folder)

        def run_yielded(size: int) -> None:
            run(
                server,
                "sleeping.yielded",
                {"count": integer(size)},
                max_parallelism=MANY_AT_ONCE,
                limit_seconds=_LIMIT_SECONDS,
            )

        return _curve(workshop, server, run_yielded)


def _curve(workshop: Workshop, server: Server, run_one: Callable[[int], None]) -> Measurement:
    run_one(_SIZES[0])  # the first run of a server is not like the others
    each = {}
    for size in _SIZES:
        each[size] = (
            statistics.median(_cpu_milliseconds(server, run_one, size) for _ in range(_ROUNDS)) / size
        )
        workshop.say(f"{size:>5,} nodes: {each[size]:.2f} ms a node")
    return Measurement(each[_SIZES[-1]], each[_SIZES[0]])


def _cpu_milliseconds(server: Server, run_one: Callable[[int], None], size: int) -> float:
    before = server.cpu_seconds()
    run_one(size)
    return (server.cpu_seconds() - before) * 1000
