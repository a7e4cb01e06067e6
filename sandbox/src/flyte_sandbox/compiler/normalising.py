"""Brings a copy of a workflow template into the form that is stored, before anything is checked.

Start and end node first, ids of cases below their branch, promises that name their node, sorted upstream ids.
Source: flytepropeller pkg/compiler/{workflow_compiler,validators/branch,validators/node}.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flyteidl.core import literals_pb2, types_pb2, workflow_pb2

from flyte_sandbox.compiler.branch_cases import case_nodes
from flyte_sandbox.compiler.context import END_NODE, START_NODE


def normalise(template: workflow_pb2.WorkflowTemplate) -> workflow_pb2.WorkflowTemplate:
    """:return: a new template. A node whose id was there before is dropped, as flytepropeller does."""
    normal = workflow_pb2.WorkflowTemplate()
    normal.CopyFrom(template)
    for side in (normal.interface.inputs, normal.interface.outputs):
        side.SetInParent()
    _point_to_start_node(normal.outputs)
    del normal.nodes[:]
    normal.nodes.add(id=START_NODE)
    normal.nodes.add(id=END_NODE, inputs=normal.outputs)
    seen = {START_NODE, END_NODE}
    for node in template.nodes:
        if node.id not in seen:
            seen.add(node.id)
            _normalise_node(normal.nodes.add(), node)
    if template.HasField("failure_node"):
        _normalise_node(normal.failure_node, template.failure_node)
    return normal


def _normalise_node(target: workflow_pb2.Node, node: workflow_pb2.Node) -> None:
    target.CopyFrom(node)
    _settle(target)


def _settle(node: workflow_pb2.Node) -> None:
    upstream = sorted(node.upstream_node_ids)
    del node.upstream_node_ids[:]
    node.upstream_node_ids.extend(upstream)
    _point_to_start_node(node.inputs)
    if node.WhichOneof("target") == "branch_node":
        for case in case_nodes(node):
            case.id = f"{node.id}-{case.id}"
            _settle(case)


def _point_to_start_node(bindings: Iterable[literals_pb2.Binding]) -> None:
    for binding in bindings:
        for promise in _promises(binding.binding):
            if not promise.node_id:
                promise.node_id = START_NODE


def _promises(data: literals_pb2.BindingData) -> Iterator[types_pb2.OutputReference]:
    kind = data.WhichOneof("value")
    if kind == "promise":
        yield data.promise
    elif kind == "collection":
        for item in data.collection.bindings:
            yield from _promises(item)
    elif kind == "map":
        for item in data.map.bindings.values():
            yield from _promises(item)
