"""What the nodes of a run are called in the workflow that declares them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from flyteidl.core import compiler_pb2, workflow_pb2

START, END = "start-node", "end-node"

_MAPPED = re.compile(r"(?:.*\.)?map_(.+)_[0-9a-f]{32}(?:-arraynode)?")
"""What flytekit calls the map of a task. Source: flytekit core/array_node_map_task.py."""


@dataclass(frozen=True)
class NodeName:
    """:param text: what its author calls it, ``kind``: what it is.

    :param workflow: whose nodes its children are, None when it has none or they are not known.
    :param gate: what it waits for, when it is a gate.
    """

    text: str
    kind: str
    workflow: workflow_pb2.WorkflowTemplate | None = None
    gate: workflow_pb2.GateNode | None = None


class Names:
    """Of one compiled workflow with its sub-workflows."""

    def __init__(self, closure: compiler_pb2.CompiledWorkflowClosure) -> None:
        self.primary = closure.primary.template
        self._workflows = {_key(sub.template.id): sub.template for sub in closure.sub_workflows}

    def find(self, workflow: workflow_pb2.WorkflowTemplate | None, spec_node_id: str) -> NodeName | None:
        """:param workflow: the one the node belongs to."""
        if workflow is None:
            return None
        nodes = (node for node in _with_branches(workflow.nodes) if node.id == spec_node_id)
        node = next(nodes, None)
        return None if node is None else self._name(node, workflow)

    def _name(self, node: workflow_pb2.Node, owner: workflow_pb2.WorkflowTemplate) -> NodeName:
        target, kind, workflow = self._target(node, owner)
        gate = node.gate_node if node.HasField("gate_node") else None
        return NodeName(readable(node.metadata.name or target or node.id), kind, workflow, gate)

    def _target(
        self, node: workflow_pb2.Node, owner: workflow_pb2.WorkflowTemplate
    ) -> tuple[str, str, workflow_pb2.WorkflowTemplate | None]:
        which = node.WhichOneof("target")
        if which == "task_node":
            return node.task_node.reference_id.name, "task", None
        if which == "workflow_node" and node.workflow_node.HasField("sub_workflow_ref"):
            id = node.workflow_node.sub_workflow_ref
            return id.name, "workflow", self._workflows.get(_key(id))
        if which == "workflow_node":
            return node.workflow_node.launchplan_ref.name, "launch plan", None
        if which == "array_node":
            return self._name(node.array_node.node, owner).text, "map", None
        return "", _KINDS.get(which or "", ""), owner


_KINDS = {"branch_node": "branch", "gate_node": "gate"}


def _with_branches(nodes: object) -> Iterator[workflow_pb2.Node]:
    """The nodes and those in the arms of conditions, which stand beside them in the run."""
    for node in nodes:  # type: ignore[attr-defined]
        yield node
        if node.HasField("branch_node"):
            arms = node.branch_node.if_else
            thens = [arms.case.then_node, *(other.then_node for other in arms.other), arms.else_node]
            yield from _with_branches(thens)


def _key(id: object) -> tuple[str, ...]:
    return tuple(getattr(id, part) for part in ("project", "domain", "name", "version"))


def readable(name: str) -> str:
    """The name without the module that it is in."""
    mapped = _MAPPED.fullmatch(name)
    return mapped[1] if mapped else name.rpartition(".")[2]


def is_drawn(spec_node_id: str) -> bool:
    """:return: whether a page shows the node; where a run starts and ends is no node to its author."""
    return spec_node_id not in (START, END)
