"""Very many executions launched at once: all end, and the server weighs afterwards what it weighed before."""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ThreadPoolExecutor

from . import sleeping_graphs
from .figures import Measurement
from .flyte_client import launch, wait_for_success
from .memory import pss_mb
from .server import Server
from .workshop import Workshop

_EXECUTIONS = 200
_NODES = 10
_ROUNDS = 8
_COMPARED = 3
_CALLERS = 16


def burst(workshop: Workshop) -> Measurement:
    """MB by which the server has grown, from the median of the first bursts to that of the last.

    One burst before them fills the pools; what the allocator keeps makes single weights differ by up to 8 MB.
    """
    with workshop.server(warm=False) as server:
        sleeping_graphs.register_task(server)
        plan = sleeping_graphs.register_fan(server, _NODES)
        _burst(workshop, server, plan)
        weights = [_burst(workshop, server, plan) for _ in range(_ROUNDS)]
    return Measurement(statistics.median(weights[-_COMPARED:]) - statistics.median(weights[:_COMPARED]))


def _burst(workshop: Workshop, server: Server, plan: str) -> float:
    """:return: what the server weighs when all have ended, in MB."""
    started = time.perf_counter()
    with ThreadPoolExecutor(_CALLERS) as pool:
        ids = list(pool.map(lambda _: launch(server, plan, sleeping_graphs.inputs(0.1)), range(_EXECUTIONS)))
    for id in ids:
        wait_for_success(server, id)
    weight = pss_mb([server.pid])
    seconds = time.perf_counter() - started
    workshop.say(f"{_EXECUTIONS} executions of {_NODES} nodes in {seconds:.1f} s, {weight:.1f} MB")
    return weight
