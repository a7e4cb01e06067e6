"""Which node waits for which, and the walks over that.

Nothing here recurses: a chain of thousands of nodes is as deep as it is long.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from typing import TypeVar

from flyteidl.core import compiler_pb2

N = TypeVar("N", bound=Hashable)


class Edges:
    """Two maps, because a case of a branch and the failure node have only upstream entries."""

    def __init__(self) -> None:
        self.upstream: dict[str, set[str]] = {}
        self.downstream: dict[str, set[str]] = {}

    def add(self, provider: str, dependent: str) -> None:
        self.add_upstream(provider, dependent)
        self.downstream.setdefault(provider, set()).add(dependent)

    def add_upstream(self, provider: str, dependent: str) -> None:
        self.upstream.setdefault(dependent, set()).add(provider)

    def connections(self) -> compiler_pb2.ConnectionSet:
        """:return: both maps with sorted ids, as the console's graph reads them."""
        connections = compiler_pb2.ConnectionSet()
        for ours, theirs in (
            (self.upstream, connections.upstream),
            (self.downstream, connections.downstream),
        ):
            for node_id in sorted(ours):
                theirs[node_id].ids.extend(sorted(ours[node_id]))
        return connections


def find_cycle(start: N, neighbours: Callable[[N], Collection[N]]) -> tuple[list[N], set[N]]:
    """Depth first from ``start``.

    :return: the path of the first cycle met, from ``start`` to the node that comes again, or an empty list;
        and all nodes that were reached.
    """
    path: list[N] = [start]
    on_path: set[N] = {start}
    reached: set[N] = {start}
    pending: list[Iterator[N]] = [iter(_in_order(neighbours(start)))]
    while pending:
        node = next(pending[-1], None)
        if node is None:
            pending.pop()
            on_path.discard(path.pop())
        elif node in on_path:
            return [*path, node], reached
        elif node not in reached:
            reached.add(node)
            path.append(node)
            on_path.add(node)
            pending.append(iter(_in_order(neighbours(node))))
    return [], reached


def _in_order(nodes: Iterable[N]) -> list[N]:
    """The same cycle is told whatever the order of sets is."""
    return sorted(nodes, key=str)
