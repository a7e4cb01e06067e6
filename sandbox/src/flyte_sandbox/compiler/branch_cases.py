"""The nodes inside a branch node."""

from __future__ import annotations

from collections.abc import Iterator

from flyteidl.core import workflow_pb2


def case_nodes(node: workflow_pb2.Node) -> Iterator[workflow_pb2.Node]:
    """``if``, each ``elif`` and ``else``, those that have a node."""
    block = node.branch_node.if_else
    for case in (block.case, *block.other):
        if case.HasField("then_node"):
            yield case.then_node
    if block.WhichOneof("default") == "else_node":
        yield block.else_node
