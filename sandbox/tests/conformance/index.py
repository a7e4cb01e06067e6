"""What a Flyte does that a client can see, row by row, and which test asks for it.

The calls are read off the descriptors; the other rows are listed. A test names its rows with ``covers``, and
``test_index`` fails for every row that nothing covers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flyteidl.service import admin_pb2, auth_pb2, dataproxy_pb2, identity_pb2, signal_pb2

T = TypeVar("T", bound=Callable[..., object])

_SERVICES = (
    admin_pb2.DESCRIPTOR.services_by_name["AdminService"],
    dataproxy_pb2.DESCRIPTOR.services_by_name["DataProxyService"],
    signal_pb2.DESCRIPTOR.services_by_name["SignalService"],
    identity_pb2.DESCRIPTOR.services_by_name["IdentityService"],
    auth_pb2.DESCRIPTOR.services_by_name["AuthMetadataService"],
)
_CALLS = tuple(f"rpc {method.name}" for service in _SERVICES for method in service.methods)

_NODES = (
    "node task",
    "node start and end",
    "node sub-workflow",
    "node launch plan",
    "node branch",
    "node gate approve",
    "node gate signal",
    "node gate sleep",
    "node array",
    "node array of launch plans",
    "node dynamic",
    "node failure",
    "node eager",
    "node reference task",
    "node reference launch plan",
    "node reference workflow",
)

_CACHE = (
    "cache not cacheable",
    "cache hit",
    "cache miss, then populated",
    "cache overwritten",
    "cache serialized",
    "cache put failed",
    "cache lookup failed",
    "cache evicted",
)

# What a task's process leaves behind (pyflyte-execute), and how that is read.
_RESULTS = (
    "result success",
    "result no outputs declared",
    "result exception",
    "result recoverable exception",
    "result wrong type",
    "result inputs not readable",
    "result unknown object",
    "result not importable",
    "result bad command",
    "result exit code",
    "result killed",
    "result outputs ignored",
    "result fail on error",
    "result dynamic",
    "result error before outputs",
    "result error file of bad format",
    "result outputs not found",
    "result outputs too big",
)

_CONTAINER = (
    "container ordinary exit",
    "container killed",
    "container out of memory",
    "container evicted",
    "container node shut down",
    "container sidecar still running",
    "container disappeared",
    "container cannot be built",
)

_RETRIES = (
    "retry user budget",
    "retry system budget",
    "retry exhausted text",
    "retry none for permanent failures",
    "retry new task execution",
)

_TRAPS = {
    1: "inputs inside the spec",
    2: "no call answers UNKNOWN",
    3: "registering again",
    4: "launch plans state what they expect",
    5: "the compiled closure",
    6: "the last page has no token",
    7: "sorting, and the latest version",
    8: "filters",
    9: "executions of single tasks",
    10: "nested nodes are not at the top",
    11: "ids of nested nodes",
    12: "data comes inline",
    13: "terminating",
    14: "the principal",
    15: "no authentication",
    16: "content negotiation",
    17: "names in queries",
    18: "pings and sizes of messages",
    19: "uploads",
    20: "reading what was just written",
}
TRAP_NAMES = {f"trap {number}": name for number, name in _TRAPS.items()}

ROWS = frozenset((*_CALLS, *_NODES, *_CACHE, *_RESULTS, *_CONTAINER, *_RETRIES, *TRAP_NAMES))

UNREACHABLE = {
    "cache put failed": "needs a broken store behind the server",
    "cache lookup failed": "needs a broken store behind the server",
    "cache evicted": "nothing produces it",
    "container out of memory": "only where limits are enforced; sandbox/tests/tasks has it",
    "container evicted": "needs a cluster that evicts",
    "container node shut down": "needs a cluster whose machines go",
    "container sidecar still running": "needs pods",
    "container disappeared": "needs somebody who deletes pods",
    "node reference workflow": "flytekit refuses to register it: use reference launch plans instead",
    "result unknown object": "flytekit's own compiler lets no such task be registered",
}
"""Rows that no client can bring about, and why."""

covered: dict[str, set[str]] = {}
"""Names of tests by row, of the modules that have been imported."""


def covers(*rows: str) -> Callable[[T], T]:
    """Marks a test as asking for these rows.

    :raises ValueError: for a row that is not listed.
    """
    unknown = set(rows) - ROWS
    if unknown:
        raise ValueError(f"not in the index: {', '.join(sorted(unknown))}")

    def mark(test: T) -> T:
        for row in rows:
            covered.setdefault(row, set()).add(test.__qualname__)
        return test

    return mark
