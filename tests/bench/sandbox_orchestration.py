"""Orchestration alone: many nodes that sleep in the engine, so that no process and no Python of users runs.

The shapes are those of flyteorg/flyte-benchmarks, with the parallelism that it sets.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from flyteidl.core import identifier_pb2

from . import sleeping_graphs
from .figures import Measurement, MeasurementError
from .flyte_client import MANY_AT_ONCE, launch, run, wait_for_success
from .memory import pss_mb
from .server import Server
from .workshop import Workshop

_LIMIT_SECONDS = 600.0
_WORKFLOWS, _LEAVES_EACH = 5, 2_000
_HELD, _HELD_SECONDS = 1_000, 120.0
_SETTLED_SECONDS = 15.0
_MOST_MB_MORE = 5.0


def fanout(workshop: Workshop) -> Measurement:
    """1,000 leaves of no time."""
    return _fan(workshop, 1_000)


def wide(workshop: Workshop) -> Measurement:
    """6,000 leaves of no time."""
    return _fan(workshop, 6_000)


def _fan(workshop: Workshop, leaves: int) -> Measurement:
    with workshop.server(warm=False) as server:
        sleeping_graphs.register_task(server)
        return _run(workshop, server, sleeping_graphs.register_fan(server, leaves), leaves)


def chain(workshop: Workshop) -> Measurement:
    """500 nodes in a row."""
    with workshop.server(warm=False) as server:
        sleeping_graphs.register_task(server)
        return _run(workshop, server, sleeping_graphs.register_chain(server, 500), 500)


def _run(workshop: Workshop, server: Server, plan: str, nodes: int) -> Measurement:
    cpu = server.cpu_seconds()
    _, seconds = run(
        server,
        plan,
        sleeping_graphs.inputs(0),
        max_parallelism=MANY_AT_ONCE,
        limit_seconds=_LIMIT_SECONDS,
    )
    cpu = server.cpu_seconds() - cpu
    workshop.say(f"{nodes:,} nodes, {seconds / nodes * 1000:.2f} ms each; {cpu:.1f} s of CPU")
    return Measurement(seconds)


def swarm(workshop: Workshop) -> Measurement:
    """Five executions of 2,000 leaves of one second, launched together."""
    with workshop.server(warm=False) as server:
        sleeping_graphs.register_task(server)
        plan = sleeping_graphs.register_fan(server, _LEAVES_EACH)
        started, cpu = time.perf_counter(), server.cpu_seconds()
        with ThreadPoolExecutor(_WORKFLOWS) as pool:
            ids = list(pool.map(lambda _: _launch(server, plan, 1), range(_WORKFLOWS)))
        for id in ids:
            wait_for_success(server, id, _LIMIT_SECONDS)
        seconds, cpu = time.perf_counter() - started, server.cpu_seconds() - cpu
    workshop.say(f"{_WORKFLOWS} executions of {_LEAVES_EACH:,} leaves; {cpu:.1f} s of CPU")
    return Measurement(seconds)


def held(workshop: Workshop) -> Measurement:
    """1,000 leaves of two minutes; meanwhile the server's memory stays as it is."""
    with workshop.server(warm=False) as server:
        sleeping_graphs.register_task(server)
        plan = sleeping_graphs.register_fan(server, _HELD)
        started, cpu = time.perf_counter(), server.cpu_seconds()
        id = _launch(server, plan, _HELD_SECONDS)
        time.sleep(_SETTLED_SECONDS)
        before, cpu_before = pss_mb([server.pid]), server.cpu_seconds()
        time.sleep(_HELD_SECONDS - 2 * _SETTLED_SECONDS)
        after, cpu_after = pss_mb([server.pid]), server.cpu_seconds()
        wait_for_success(server, id, _LIMIT_SECONDS)
        seconds, cpu = time.perf_counter() - started, server.cpu_seconds() - cpu
    workshop.say(f"{before:.1f} MB, {after:.1f} MB {_HELD_SECONDS - 2 * _SETTLED_SECONDS:.0f} s later")
    workshop.say(f"{cpu:.1f} s of CPU, {cpu_after - cpu_before:.1f} s of it while nothing happened")
    if after > before + _MOST_MB_MORE:
        raise MeasurementError(f"While nothing happened memory grew from {before:.1f} to {after:.1f} MB.")
    return Measurement(seconds)


def _launch(server: Server, plan: str, seconds: float) -> identifier_pb2.WorkflowExecutionIdentifier:
    return launch(server, plan, sleeping_graphs.inputs(seconds), max_parallelism=MANY_AT_ONCE)
