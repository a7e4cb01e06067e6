"""Checks one node, whatever its kind, and finds out its interface.

One walk: a branch checks the nodes of its cases first, because its outputs are theirs.
Source: flytepropeller pkg/compiler/validators/{node,interface,branch}.go.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TypeAlias

from flyteidl.core import types_pb2, workflow_pb2

from flyte_sandbox.compiler.bindings import check_bindings
from flyte_sandbox.compiler.branch_cases import case_nodes
from flyte_sandbox.compiler.compile_errors import Flaw
from flyte_sandbox.compiler.conditions import check_condition
from flyte_sandbox.compiler.context import Context, Interface, Types
from flyte_sandbox.compiler.identifiers import identifier_key
from flyte_sandbox.compiler.typing import describe, is_same

Check: TypeAlias = Callable[[Context, workflow_pb2.Node], Interface | None]


def check_node(context: Context, node: workflow_pb2.Node) -> Interface | None:
    """:return: None when the interface cannot be told; the errors say why."""
    if not node.id:
        context.errors.add(Flaw.VALUE_REQUIRED, "<node>", "Id")
    return _check_target(context, node)


def _check_target(context: Context, node: workflow_pb2.Node) -> Interface | None:
    check = _CHECKS.get(node.WhichOneof("target"))
    if check is None:
        context.errors.add(Flaw.VALUE_REQUIRED, node.id, "Target")
        return None
    interface = check(context, node)
    if interface is None:
        return None
    check_types(context, node.id, interface)
    return Interface(interface.inputs, _rename_outputs(context, node, interface.outputs))


def check_types(context: Context, node_id: str, interface: Interface) -> None:
    """Every variable has a name and a type."""
    for types in interface:
        for name, literal_type in types.items():
            if not name:
                context.errors.add(Flaw.VALUE_REQUIRED, node_id, "paramName")
            if literal_type.WhichOneof("type") is None:
                context.errors.add(Flaw.VALUE_REQUIRED, node_id, "param.Type")


def _rename_outputs(context: Context, node: workflow_pb2.Node, outputs: Types) -> Types:
    aliases: dict[str, str] = {}
    for alias in node.output_aliases:
        if alias.var in aliases:
            context.errors.add(Flaw.DUPLICATE_ALIAS, node.id, alias.alias)
        elif alias.var not in outputs:
            context.errors.add(Flaw.NOT_BOUND, node.id, alias.alias)
        aliases.setdefault(alias.var, alias.alias)
    return {aliases.get(name, name): literal_type for name, literal_type in outputs.items()}


def _check_task(context: Context, node: workflow_pb2.Node) -> Interface | None:
    if node.task_node.WhichOneof("reference") is None:
        context.errors.add(Flaw.VALUE_REQUIRED, node.id, "TaskNode.ReferenceId")
        return None
    return context.library.task_interface(identifier_key(node.task_node.reference_id))


def _check_workflow(context: Context, node: workflow_pb2.Node) -> Interface | None:
    kind = node.workflow_node.WhichOneof("reference")
    if kind == "launchplan_ref":
        return _launch_plan_interface(context, node, bound={binding.var for binding in node.inputs})
    if kind is None:
        context.errors.add(Flaw.WORKFLOW_NOT_FOUND, node.id, "<nil>/<nil>")
        return None
    key = identifier_key(node.workflow_node.sub_workflow_ref)
    if not context.library.sub_workflows[key].HasField("interface"):
        context.errors.add(Flaw.VALUE_REQUIRED, node.id, "WorkflowNode.Template.Interface")
        return None
    return context.library.workflow_interface(key)


def _launch_plan_interface(context: Context, node: workflow_pb2.Node, bound: Collection[str]) -> Interface:
    """A node shows the inputs that it must bind, and those with a default that it does bind."""
    key = identifier_key(node.workflow_node.launchplan_ref)
    closure = context.library.launch_plans[key].closure
    inputs = {
        name: parameter.var.type
        for name, parameter in closure.expected_inputs.parameters.items()
        if parameter.required or name in bound
    }
    outputs = {name: variable.type for name, variable in closure.expected_outputs.variables.items()}
    return Interface(inputs, outputs)


def _check_gate(context: Context, node: workflow_pb2.Node) -> Interface | None:
    condition = node.gate_node.WhichOneof("condition")
    if condition == "approve":
        bound = check_bindings(context, node, None)
        return Interface(bound.types, bound.types)
    if condition == "signal":
        return _signal_interface(context, node)
    if condition == "sleep":
        return Interface({}, {})
    context.errors.add(Flaw.GATE_WITHOUT_CONDITION, node.id, node.id)
    return None


def _signal_interface(context: Context, node: workflow_pb2.Node) -> Interface | None:
    signal = node.gate_node.signal
    if not signal.HasField("type"):
        context.errors.add(Flaw.VALUE_REQUIRED, node.id, "GateNode.Signal.Type")
        return None
    if not signal.output_variable_name:
        context.errors.add(Flaw.VALUE_REQUIRED, node.id, "GateNode.Signal.OutputVariableName")
        return None
    return Interface({}, {signal.output_variable_name: signal.type})


def _check_array(context: Context, node: workflow_pb2.Node) -> Interface | None:
    """The sub-node's interface as it is: flytekit registers map tasks with lists already.

    A launch plan is registered without lists, so its node has lists of what it takes and gives. The real
    Flyte leaves it at single values and refuses such nodes (flyteorg/flyte#6236).
    """
    inner = node.array_node.node
    if not inner.workflow_node.HasField("launchplan_ref"):
        return _check_target(context, inner)
    single = _launch_plan_interface(context, inner, bound={binding.var for binding in node.inputs})
    kept = set(node.array_node.bound_inputs)
    inputs = {name: one if name in kept else _list_of(one) for name, one in single.inputs.items()}
    return Interface(inputs, {name: _list_of(one) for name, one in single.outputs.items()})


def _list_of(one: types_pb2.LiteralType) -> types_pb2.LiteralType:
    return types_pb2.LiteralType(collection_type=one)


def _check_branch(context: Context, node: workflow_pb2.Node) -> Interface | None:
    block = node.branch_node.if_else
    errors_before = len(context.errors)
    if not block.HasField("case"):
        context.errors.add(Flaw.CASE_WITHOUT_CONDITION, node.id)
    cases = [(case, check_node(context, case)) for case in case_nodes(node)]
    bound = check_bindings(context, node, None)
    for if_block in (block.case, *block.other):
        if if_block.HasField("condition"):
            check_condition(node.id, if_block.condition, bound.types, context.errors)
        else:
            context.errors.add(Flaw.CASE_WITHOUT_CONDITION, node.id)
        if not if_block.HasField("then_node"):
            context.errors.add(Flaw.CASE_WITHOUT_NODE, node.id)
    if block.WhichOneof("default") is None:
        context.errors.add(Flaw.BRANCH_WITHOUT_DEFAULT, node.id)
    for case, interface in cases:
        if interface is not None:
            add_upstream_edges(context, case, interface)
    outputs = _common_outputs(context, cases)
    return Interface(bound.types, outputs) if len(context.errors) == errors_before else None


def add_upstream_edges(context: Context, node: workflow_pb2.Node, interface: Interface) -> None:
    """Binds a node that is no part of the graph itself: a case of a branch, the failure node."""
    for provider in check_bindings(context, node, interface.inputs).upstream:
        context.edges.add_upstream(provider, node.id)


def _common_outputs(context: Context, cases: list[tuple[workflow_pb2.Node, Interface | None]]) -> Types:
    """What every case gives; where the names agree, the types must agree exactly."""
    known = [(case.id, interface.outputs) for case, interface in cases if interface is not None]
    if not known:
        return {}
    common = dict(known[0][1])
    for node_id, outputs in known[1:]:
        common = {name: literal_type for name, literal_type in common.items() if name in outputs}
        for name, literal_type in common.items():
            if not is_same(literal_type, outputs[name]):
                told = (name, describe(literal_type), describe(outputs[name]))
                context.errors.add(Flaw.TYPE_MISMATCH, node_id, *told)
    return common


_CHECKS: Mapping[str | None, Check] = {
    "task_node": _check_task,
    "workflow_node": _check_workflow,
    "branch_node": _check_branch,
    "gate_node": _check_gate,
    "array_node": _check_array,
}
