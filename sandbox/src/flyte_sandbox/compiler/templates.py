"""Compiles one workflow template: its nodes, its bindings, its graph. Sub-workflows are compiled one by one.

Source: flytepropeller pkg/compiler/workflow_compiler.go (ValidateWorkflow).
"""

from __future__ import annotations

from flyteidl.core import compiler_pb2, workflow_pb2

from flyte_sandbox.compiler.bindings import check_bindings
from flyte_sandbox.compiler.compile_errors import ErrorCollector, Flaw
from flyte_sandbox.compiler.context import (
    END_NODE,
    START_NODE,
    Context,
    Interface,
    KnownNode,
    Library,
    read_interface,
)
from flyte_sandbox.compiler.graph import find_cycle
from flyte_sandbox.compiler.nodes import add_upstream_edges, check_node, check_types
from flyte_sandbox.compiler.normalising import normalise
from flyte_sandbox.compiler.prototext import one_line


def compile_template(
    template: workflow_pb2.WorkflowTemplate, library: Library, errors: ErrorCollector
) -> compiler_pb2.CompiledWorkflow:
    """:return: of use only when there are no ``errors`` afterwards."""
    if not template.nodes:
        told = one_line(template.id)
        errors.add(Flaw.NO_NODES, told, told)
        return compiler_pb2.CompiledWorkflow(template=template)
    context = Context(library, errors)
    normal = normalise(template)
    own = read_interface(normal.interface)
    check_types(context, START_NODE, own)
    _check_graph(context, normal, own)
    return compiler_pb2.CompiledWorkflow(template=normal, connections=context.edges.connections())


def _check_graph(context: Context, template: workflow_pb2.WorkflowTemplate, own: Interface) -> None:
    errors_before = len(context.errors)
    interfaces = _check_nodes(context, template, own)
    for node in template.nodes:
        if node.id != START_NODE:
            _add_edges(context, node, interfaces[node.id])
    if template.HasField("failure_node"):
        interface = check_node(context, template.failure_node)
        if interface is not None:
            add_upstream_edges(context, template.failure_node, interface)
    if len(context.errors) == errors_before:  # a binding that failed has left a gap in the graph
        _connect_loose_ends(context)
        _check_reachability(context)


def _check_nodes(
    context: Context, template: workflow_pb2.WorkflowTemplate, own: Interface
) -> dict[str, Interface | None]:
    context.nodes[START_NODE] = KnownNode(outputs=own.inputs)
    context.nodes[END_NODE] = KnownNode(outputs={})
    interfaces: dict[str, Interface | None] = {END_NODE: Interface(own.outputs, {})}
    for node in template.nodes[2:]:
        known = context.nodes[node.id] = KnownNode(node.metadata.name)
        interface = interfaces[node.id] = check_node(context, node)
        known.outputs = interface.outputs if interface is not None else None
    return interfaces


def _add_edges(context: Context, node: workflow_pb2.Node, interface: Interface | None) -> None:
    if interface is None:
        return
    for provider in node.upstream_node_ids:
        if provider in context.nodes:
            context.edges.add(provider, node.id)
        else:
            context.errors.add(Flaw.NODE_NOT_FOUND, node.id, provider)
    for provider in check_bindings(context, node, interface.inputs).upstream:
        context.edges.add(provider, node.id)


def _connect_loose_ends(context: Context) -> None:
    """What waits for nothing starts at once, and the end waits for everything."""
    for node_id in context.nodes:
        if node_id in (START_NODE, END_NODE):
            continue
        if node_id not in context.edges.upstream:
            context.edges.add(START_NODE, node_id)
        if node_id not in context.edges.downstream:
            context.edges.add(node_id, END_NODE)


def _check_reachability(context: Context) -> None:
    cycle, reached = find_cycle(START_NODE, lambda node_id: context.edges.downstream.get(node_id, ()))
    if cycle:
        context.errors.add(Flaw.CYCLE, START_NODE, ">".join(cycle))
        return
    unreachable = context.nodes.keys() - reached - {END_NODE}
    if unreachable:
        context.errors.add(Flaw.UNREACHABLE, START_NODE, ",".join(sorted(unreachable)))
