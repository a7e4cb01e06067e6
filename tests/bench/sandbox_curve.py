"""Whether a node costs the same in a large workflow as in a small one: a curve, its ends as a ratio."""

from __future__ import annotations

from collections.abc import Callable

from . import measured_files, sleeping_graphs
from .figures import Measurement
from .flyte_client import MANY_AT_ONCE, Pyflyte, integer, node_executions, run
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

        def seconds(size: int) -> float:
            inputs = sleeping_graphs.inputs(0)
            return run(
                server, plans[size], inputs, max_parallelism=MANY_AT_ONCE, limit_seconds=_LIMIT_SECONDS
            )[1]

        return _curve(workshop, seconds)


def dynamic(workshop: Workshop) -> Measurement:
    """The same of a dynamic task that yields the nodes, from the moment when it has yielded them."""
    with workshop.server() as server:
        folder = measured_files.copy(workshop, "sleeping")
        Pyflyte(workshop.new_folder("client"), server).register("sleeping.py", folder)
        return _curve(workshop, lambda size: _seconds_inside(server, size))


def _seconds_inside(server: Server, size: int) -> float:
    """What flytekit takes to make the nodes is the task's own time, and is left out."""
    id, _ = run(
        server,
        "sleeping.yielded",
        {"count": integer(size)},
        max_parallelism=MANY_AT_ONCE,
        limit_seconds=_LIMIT_SECONDS,
    )
    [node] = [each for each in node_executions(server, id) if each.metadata.is_dynamic]
    inside = node_executions(server, id, parent=node.id.node_id)
    began = min(each.closure.created_at.ToNanoseconds() for each in inside)
    return (node.closure.updated_at.ToNanoseconds() - began) / 1e9


def _curve(workshop: Workshop, seconds: Callable[[int], float]) -> Measurement:
    seconds(_SIZES[0])  # the first run of a server is not like the others
    each = {}
    for size in _SIZES:
        # The least disturbed round: the shape is asked for, and another process's burst would bend it.
        each[size] = min(seconds(size) for _ in range(_ROUNDS)) / size * 1000
        workshop.say(f"{size:>5,} nodes: {each[size]:.2f} ms a node")
    return Measurement(each[_SIZES[-1]], each[_SIZES[0]])
