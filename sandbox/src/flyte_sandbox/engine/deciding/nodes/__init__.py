"""What each kind of node does once it has begun. ``kind_of`` picks; ``flow`` calls."""

from __future__ import annotations

from flyte_sandbox.engine.deciding.nodes.kind import Kind
from flyte_sandbox.engine.model import END_NODE, NodeRun


def kind_of(node: NodeRun) -> Kind:
    from flyte_sandbox.engine.deciding.nodes.table import KINDS

    if node.id == END_NODE:
        return KINDS["end"]
    target = node.node.WhichOneof("target") or ""
    if target == "workflow_node":
        target = node.node.workflow_node.WhichOneof("reference") or ""
    return KINDS.get(target, KINDS["unsupported"])
