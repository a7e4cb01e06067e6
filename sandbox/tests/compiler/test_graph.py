"""Order, cycles and reachability of graphs of any length."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from flyte_sandbox.compiler.graph import Edges, find_cycle

from .conftest import unhurried

Graph = dict[int, set[int]]
NODES = 8

graphs = st.sets(st.tuples(st.integers(0, NODES - 1), st.integers(0, NODES - 1)), max_size=20)


def _graph(edges: set[tuple[int, int]]) -> Graph:
    graph: Graph = {}
    for source, target in edges:
        graph.setdefault(source, set()).add(target)
    return graph


def _reachable(graph: Graph, start: int) -> set[int]:
    reached, pending = {start}, [start]
    while pending:
        for node in graph.get(pending.pop(), set()) - reached:
            reached.add(node)
            pending.append(node)
    return reached


def _has_cycle(graph: Graph, start: int) -> bool:
    return any(
        any(node in _reachable(graph, target) for target in graph.get(node, ()))
        for node in _reachable(graph, start)
    )


@given(graphs)
@unhurried
def test_a_cycle_is_found_exactly_when_there_is_one(edges: set[tuple[int, int]]) -> None:
    graph = _graph(edges)
    cycle, reached = find_cycle(0, lambda node: graph.get(node, set()))
    assert bool(cycle) == _has_cycle(graph, 0)
    if cycle:
        assert cycle[-1] in cycle[:-1]
        assert all(target in graph[source] for source, target in pairwise(cycle))
    else:
        assert reached == _reachable(graph, 0)


def test_a_chain_may_be_longer_than_the_stack_is_deep() -> None:
    cycle, reached = find_cycle(0, lambda node: {node + 1} if node < 50_000 else set())
    assert cycle == []
    assert len(reached) == 50_001


def test_connections_are_sorted() -> None:
    edges = Edges()
    edges.add("start-node", "n1")
    edges.add("start-node", "n0")
    edges.add_upstream("n0", "b-case")
    connections = edges.connections()
    assert list(connections.downstream["start-node"].ids) == ["n0", "n1"]
    assert set(connections.downstream) == {"start-node"}
    assert list(connections.upstream["b-case"].ids) == ["n0"]
