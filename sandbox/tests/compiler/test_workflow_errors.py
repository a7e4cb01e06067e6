"""What a compiler refuses: one workflow per code, with flytepropeller's sentence."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flyteidl.core import literals_pb2, types_pb2, workflow_pb2

from flyte_sandbox.compiler.compile_errors import Flaw
from flyte_sandbox.compiler.workflows import CompileErrors

from .conftest import Builder

Template = workflow_pb2.WorkflowTemplate
ID = 'resource_type:{} project:"flytesnacks" domain:"development" name:"{}" version:"v1"'


def _no_nodes(build: Builder) -> Template:
    return build.workflow()


def _unknown_task(build: Builder) -> Template:
    return build.workflow(build.node("n0", "gone"))


def _unknown_launch_plan(build: Builder) -> Template:
    return build.workflow(build.plan_node("n0", "gone"))


def _unknown_sub_workflow(build: Builder) -> Template:
    return build.workflow(build.sub_node("n0", "gone"))


def _sub_workflow_twice(build: Builder) -> Template:
    build.sub_workflows += [build.workflow(build.node("n0", "nothing"), name="sub")] * 2
    return build.workflow(build.sub_node("n0", "sub"))


def _sub_workflow_without_interface(build: Builder) -> Template:
    sub = build.workflow(build.node("n0", "nothing"), name="sub")
    sub.ClearField("interface")
    build.sub_workflows.append(sub)
    return build.workflow(build.sub_node("n0", "sub"))


def _sub_workflow_with_an_error(build: Builder) -> Template:
    build.sub_workflows.append(build.workflow(build.node("n7", "double"), name="sub"))
    return build.workflow(build.sub_node("n0", "sub"))


def _workflow_in_itself(build: Builder) -> Template:
    build.sub_workflows += [
        build.workflow(build.sub_node("n0", "two"), name="one"),
        build.workflow(build.sub_node("n0", "one"), name="two"),
    ]
    return build.workflow(build.sub_node("n0", "one"))


def _no_target(build: Builder) -> Template:
    return build.workflow(build.bare_node("n0"))


def _no_id(build: Builder) -> Template:
    return build.workflow(build.node("", "nothing"))


def _no_task_reference(build: Builder) -> Template:
    node = build.bare_node("n0")
    node.task_node.SetInParent()
    return build.workflow(node)


def _no_workflow_reference(build: Builder) -> Template:
    node = build.bare_node("n0")
    node.workflow_node.SetInParent()
    return build.workflow(node)


def _input_without_type(build: Builder) -> Template:
    template = build.workflow(build.node("n0", "nothing"))
    template.interface.inputs.variables["x"].description = "no type"
    return template


def _unknown_input(build: Builder) -> Template:
    return build.workflow(build.node("n0", "double", a=1, b=2))


def _unknown_node(build: Builder) -> Template:
    return build.workflow(build.node("n0", "double", a="n9.o0"))


def _unknown_output(build: Builder) -> Template:
    return build.workflow(build.node("n0", "double", a=1), build.node("n1", "double", a="n0.o9"))


def _unknown_workflow_input(build: Builder) -> Template:
    return build.workflow(build.node("n0", "double", a="x"))


def _unknown_upstream(build: Builder) -> Template:
    return build.workflow(build.node("n0", "nothing", after=["n9"]))


def _not_bound(build: Builder) -> Template:
    return build.workflow(build.node("n0", "double"))


def _output_not_bound(build: Builder) -> Template:
    return build.workflow(build.node("n0", "nothing"), outputs={"o0": "int"})


def _bound_twice(build: Builder) -> Template:
    node = build.node("n0", "double", a=1)
    node.inputs.append(node.inputs[0])
    return build.workflow(node)


def _empty_binding(build: Builder) -> Template:
    node = build.node("n0", "double", a=1)
    node.inputs[0].ClearField("binding")
    return build.workflow(node)


def _wrong_promise(build: Builder) -> Template:
    return build.workflow(
        build.node("n0", "say", text="x"), build.node("n1", "double", a="n0.o0"), inputs={"x": "str"}
    )


def _wrong_workflow_output(build: Builder) -> Template:
    return build.workflow(build.node("n0", "double", a=1), outputs={"o0": "str"}, gives={"o0": "n0.o0"})


def _wrong_scalar(build: Builder) -> Template:
    return build.workflow(build.node("n0", "double", a=1.5))


def _untyped_scalar(build: Builder) -> Template:
    return build.workflow(
        build.node("n0", "double", a=literals_pb2.BindingData(scalar=literals_pb2.Scalar()))
    )


def _list_for_a_number(build: Builder) -> Template:
    return build.workflow(build.node("n0", "double", a=[1]))


def _nothing_for_a_number(build: Builder) -> Template:
    return build.workflow(build.node("n0", "double", a=literals_pb2.BindingData()))


def _bad_element(build: Builder) -> Template:
    build.task("sum", {"xs": "[int]"})
    return build.workflow(build.node("n0", "sum", xs=[1, 2.5]))


def _bad_enum(build: Builder) -> Template:
    build.task("paint", {"color": "enum:red/green"})
    blue = literals_pb2.BindingData(scalar=build.literal("blue").scalar)
    return build.workflow(build.node("n0", "paint", color=blue))


def _ambiguous_union(build: Builder) -> Template:
    build.task("take", {"xs": "[int]|[none]|int"})
    return build.workflow(build.node("n0", "take", xs=[]))


def _incompatible_union(build: Builder) -> Template:
    build.task("take", {"xs": "[int]|int"})
    return build.workflow(build.node("n0", "take", xs=["x"]), inputs={"x": "str"})


def _data(build: Builder) -> types_pb2.LiteralType:
    data = build.type("struct")
    data.structure.dataclass_type["a"].CopyFrom(build.type("int"))
    return data


def _promise_to_field(build: Builder, field: str) -> literals_pb2.BindingData:
    binding = build.binding("data")
    binding.promise.attr_path.add(string_value=field)
    return binding


def _unknown_field(build: Builder) -> Template:
    template = build.workflow(
        build.node("n0", "double", a=_promise_to_field(build, "b")), inputs={"data": "struct"}
    )
    template.interface.inputs.variables["data"].type.CopyFrom(_data(build))
    return template


def _field_of_another_type(build: Builder) -> Template:
    template = build.workflow(
        build.node("n0", "say", text=_promise_to_field(build, "a")), inputs={"data": "struct"}
    )
    template.interface.inputs.variables["data"].type.CopyFrom(_data(build))
    return template


def _bad_variable(build: Builder) -> Template:
    return build.workflow(build.node("n0", "double", a=1), build.node("n1", "double", a="n0.[x]"))


def _index_into_a_number(build: Builder) -> Template:
    binding = literals_pb2.BindingData(promise=types_pb2.OutputReference(node_id="n0", var="[0].o0"))
    return build.workflow(build.node("n0", "double", a=1), build.node("n1", "double", a=binding))


def _alias_twice(build: Builder) -> Template:
    node = build.node("n0", "double", a=1)
    node.output_aliases.add(var="o0", alias="one")
    node.output_aliases.add(var="o0", alias="two")
    return build.workflow(node)


def _alias_of_nothing(build: Builder) -> Template:
    node = build.node("n0", "double", a=1)
    node.output_aliases.add(var="o9", alias="one")
    return build.workflow(node)


def _cycle(build: Builder) -> Template:
    return build.workflow(
        build.node("n0", "double", a="x"),
        build.node("n1", "add", a="n0.o0", b="n2.o0"),
        build.node("n2", "double", a="n1.o0"),
        inputs={"x": "int"},
    )


def _unreachable(build: Builder) -> Template:
    return build.workflow(
        build.node("n0", "nothing"),
        build.node("n1", "double", a="n2.o0"),
        build.node("n2", "double", a="n1.o0"),
    )


def _gate_without_condition(build: Builder) -> Template:
    node = build.bare_node("n0")
    node.gate_node.SetInParent()
    return build.workflow(node)


def _signal_without_type(build: Builder) -> Template:
    node = build.bare_node("n0")
    node.gate_node.signal.output_variable_name = "o0"
    return build.workflow(node)


def _signal_without_output(build: Builder) -> Template:
    node = build.bare_node("n0")
    node.gate_node.signal.type.CopyFrom(build.type("int"))
    return build.workflow(node)


def _array_of_nothing(build: Builder) -> Template:
    node = build.bare_node("n0")
    node.array_node.SetInParent()
    return build.workflow(node)


def _map_over_launch_plan(build: Builder) -> Template:
    build.launch_plan("my_lp", {"x": "int"}, outputs={"o0": "int"})
    node = build.bare_node("n0", None, x="nums")
    node.metadata.name = "my_lp"
    node.array_node.node.CopyFrom(build.plan_node("n0", "my_lp"))
    return build.workflow(node, inputs={"nums": "int"})


def _bad_failure_node(build: Builder) -> Template:
    return build.workflow(build.node("n0", "nothing"), on_failure=build.node("efn", "double"))


CASES: list[tuple[Callable[[Builder], Template], str, str, str]] = [
    (
        _no_nodes,
        "NoNodesFound",
        ID.format("WORKFLOW", "wf"),
        f"Can't find any nodes in workflow [{ID.format('WORKFLOW', 'wf')}].",
    ),
    (
        _unknown_task,
        "TaskReferenceNotFound",
        "start-node",
        f"Referenced Task [{ID.format('TASK', 'gone')}] not found.",
    ),
    (
        _unknown_launch_plan,
        "WorkflowReferenceNotFound",
        "start-node",
        f"Referenced Workflow [{ID.format('LAUNCH_PLAN', 'gone')}] not found.",
    ),
    (
        _unknown_sub_workflow,
        "WorkflowReferenceNotFound",
        "n0",
        f"Referenced Workflow [{ID.format('WORKFLOW', 'gone')}] not found.",
    ),
    (
        _sub_workflow_twice,
        "DuplicateId",
        ID.format("WORKFLOW", "sub"),
        "Trying to insert two nodes with the same id.",
    ),
    (
        _sub_workflow_without_interface,
        "ValueRequired",
        "n0",
        "Value required [WorkflowNode.Template.Interface].",
    ),
    (_sub_workflow_with_an_error, "ParameterNotBound", "n7", "Parameter not bound [a]."),
    (
        _workflow_in_itself,
        "CycleDetected",
        "start-node",
        "A cycle has been detected while traversing the Workflow [wf>one>two>one].",
    ),
    (_no_target, "ValueRequired", "n0", "Value required [Target]."),
    (_no_id, "ValueRequired", "<node>", "Value required [Id]."),
    (_no_task_reference, "ValueRequired", "n0", "Value required [TaskNode.ReferenceId]."),
    (
        _no_workflow_reference,
        "WorkflowReferenceNotFound",
        "n0",
        "Referenced Workflow [<nil>/<nil>] not found.",
    ),
    (_input_without_type, "ValueRequired", "start-node", "Value required [param.Type]."),
    (_unknown_input, "VariableNameNotFound", "n0", "Variable [b] not found on node [n0]."),
    (_unknown_node, "NodeReferenceNotFound", "n0", "Referenced node [n9] not found."),
    (_unknown_output, "VariableNameNotFound", "n1", "Variable [o9] not found on node [n0]."),
    (_unknown_workflow_input, "VariableNameNotFound", "n0", "Variable [x] not found on node [start-node]."),
    (_unknown_upstream, "NodeReferenceNotFound", "n0", "Referenced node [n9] not found."),
    (_not_bound, "ParameterNotBound", "n0", "Parameter not bound [a]."),
    (_output_not_bound, "ParameterNotBound", "end-node", "Parameter not bound [o0]."),
    (_bound_twice, "ParameterBoundMoreThanOnce", "n0", "Input [a] is bound more than once."),
    (_empty_binding, "ValueRequired", "n0", "Value required [Binding]."),
    (
        _wrong_promise,
        "MismatchingTypes",
        "n1",
        "The output variable 'n0-name.o0' has type [simple:STRING],"
        " but it's assigned to the input variable 'n1-name.a' which has type type [simple:INTEGER].",
    ),
    (
        _wrong_workflow_output,
        "MismatchingTypes",
        "end-node",
        "The output variable 'n0-name.o0' has type [simple:INTEGER],"
        " but it's assigned to the input variable 'o0' which has type type [simple:STRING].",
    ),
    (
        _wrong_scalar,
        "MismatchingTypes",
        "n0",
        "Variable [a] (type [simple:FLOAT]) doesn't match expected type [simple:INTEGER].",
    ),
    (_untyped_scalar, "UnrecognizedValue", "n0", "Unrecognized value [<nil>]."),
    (
        _list_for_a_number,
        "MismatchingBindings",
        "n0",
        "Input [a] on node [n0] expects bindings of type [simple:INTEGER]."
        "  Received [collection:{bindings:{scalar:{primitive:{integer:1}}}}]",
    ),
    (
        _nothing_for_a_number,
        "MismatchingBindings",
        "n0",
        "Input [a] on node [n0] expects bindings of type [simple:INTEGER].  Received []",
    ),
    (
        _bad_element,
        "MismatchingTypes",
        "n0",
        "Variable [xs] (type [simple:FLOAT]) doesn't match expected type [simple:INTEGER].",
    ),
    (
        _bad_enum,
        "IllegalEnumValue",
        "n0",
        "Input [color] on node [n0] is an Enum and expects value to be one of [red green].  Received [blue]",
    ),
    (
        _ambiguous_union,
        "AmbiguousBindingUnionValue",
        "n0",
        "Input [xs] on node [n0] expects bindings of union type"
        " [union_type:{variants:{collection_type:{simple:INTEGER}}"
        " variants:{collection_type:{simple:NONE}} variants:{simple:INTEGER}}]."
        "  Received [collection:{}] which is ambiguous as both variants"
        " [collection_type:{simple:INTEGER}] and [collection_type:{simple:NONE}] match.",
    ),
    (
        _incompatible_union,
        "IncompatibleBindingUnionValue",
        "n0",
        "Input [xs] on node [n0] expects bindings of union type"
        " [union_type:{variants:{collection_type:{simple:INTEGER}} variants:{simple:INTEGER}}]."
        '  Received [collection:{bindings:{promise:{node_id:"start-node" var:"x"}}}]'
        " which does not match any of the variants.",
    ),
    (
        _unknown_field,
        "FieldNotFound",
        "n0",
        "Variable [data] (type [simple:STRUCT"
        ' structure:{dataclass_type:{key:"a" value:{simple:INTEGER}}}]) doesn\'t have field [b].',
    ),
    (
        _field_of_another_type,
        "MismatchingTypes",
        "n0",
        "The output variable 'data' has type [simple:INTEGER],"
        " but it's assigned to the input variable 'n0-name.text' which has type type [simple:STRING].",
    ),
    (_bad_variable, "SyntaxError", "n1", "Failed to parse element [[x]]."),
    (
        _index_into_a_number,
        "MismatchingTypes",
        "n1",
        "Variable [[0].o0] (type [simple:INTEGER]) doesn't match expected type [collection].",
    ),
    (
        _alias_twice,
        "DuplicateAlias",
        "n0",
        "Duplicate alias [two] found. An output alias can only be used once in the Workflow.",
    ),
    (_alias_of_nothing, "ParameterNotBound", "n0", "Parameter not bound [one]."),
    (
        _cycle,
        "CycleDetected",
        "start-node",
        "A cycle has been detected while traversing the Workflow [start-node>n0>n1>n2>n1].",
    ),
    (
        _unreachable,
        "UnreachableNodes",
        "start-node",
        "The Workflow contain unreachable nodes [n1,n2].",
    ),
    (
        _gate_without_condition,
        "NoConditionFound",
        "n0",
        "Can't find any condition in gate node [n0].",
    ),
    (_signal_without_type, "ValueRequired", "n0", "Value required [GateNode.Signal.Type]."),
    (_signal_without_output, "ValueRequired", "n0", "Value required [GateNode.Signal.OutputVariableName]."),
    (_array_of_nothing, "ValueRequired", "", "Value required [Target]."),
    (
        _map_over_launch_plan,
        "MismatchingTypes",
        "n0",
        "The output variable 'nums' has type [simple:INTEGER],"
        " but it's assigned to the input variable 'my_lp.x' which has type type"
        " [collection_type:{simple:INTEGER}].",
    ),
    (_bad_failure_node, "ParameterNotBound", "efn", "Parameter not bound [a]."),
]


@pytest.mark.parametrize(
    ("make", "code", "node_id", "description"), CASES, ids=[case[0].__name__ for case in CASES]
)
def test_what_is_wrong_is_told(
    build: Builder, make: Callable[[Builder], Template], code: str, node_id: str, description: str
) -> None:
    with pytest.raises(CompileErrors) as refusal:
        build.compile(make(build))
    told = [(error.code, error.node_id, error.description) for error in refusal.value.errors]
    assert (code, node_id, description) in told


def test_all_errors_are_told_at_once_in_a_stable_order(build: Builder) -> None:
    template = build.workflow(
        build.node("n1", "double"), build.node("n0", "double", a=1.5), build.node("n2", "double")
    )
    with pytest.raises(CompileErrors) as refusal:
        build.compile(template)
    assert refusal.value.code == "INVALID_ARGUMENT"
    assert refusal.value.message == (
        f"failed to compile workflow for [{ID.format('WORKFLOW', 'wf')}] with err: Collected Errors: 3\n"
        "\tError 0: Code: MismatchingTypes, Node Id: n0, Description: Variable [a] (type [simple:FLOAT])"
        " doesn't match expected type [simple:INTEGER].\n"
        "\tError 1: Code: ParameterNotBound, Node Id: n1, Description: Parameter not bound [a].\n"
        "\tError 2: Code: ParameterNotBound, Node Id: n2, Description: Parameter not bound [a]."
    )


def test_an_error_of_one_node_is_not_told_again_by_those_that_use_it(build: Builder) -> None:
    template = build.workflow(build.bare_node("n0"), build.node("n1", "double", a="n0.o0"))
    with pytest.raises(CompileErrors) as refusal:
        build.compile(template)
    assert [error.node_id for error in refusal.value.errors] == ["n0"]


def test_an_optional_input_may_stay_unbound(build: Builder) -> None:
    build.task("maybe", {"a": "int|none"})
    build.compile(build.workflow(build.node("n0", "maybe")))


def test_every_flaw_but_those_of_tasks_and_branches_is_here() -> None:
    here = {code for _, code, _, _ in CASES}
    elsewhere = {"InvalidValue", "BranchNodeIdNotFound", "BranchNodeHasNoDefault", "BranchNodeHasNoCondition"}
    assert {flaw.value[0] for flaw in Flaw} == here | elsewhere
