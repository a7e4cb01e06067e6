"""Branch nodes: what is wrong with their cases and conditions."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flyteidl.core import condition_pb2, literals_pb2, workflow_pb2

from flyte_sandbox.compiler.workflows import CompileErrors

from .conftest import Builder

Block = workflow_pb2.IfElseBlock


def _compare(left: str, right: object) -> condition_pb2.BooleanExpression:
    expression = condition_pb2.BooleanExpression()
    expression.comparison.left_value.var = left
    if isinstance(right, int):
        expression.comparison.right_value.primitive.integer = right
    elif isinstance(right, str):
        expression.comparison.right_value.primitive.string_value = right
    return expression


def _branch(build: Builder, **inputs: object) -> workflow_pb2.Node:
    """``if .x == 3 then c0 else c1``"""
    branch = build.bare_node("n1", None, **{".x": "x"}, **inputs)
    block = branch.branch_node.if_else
    block.case.condition.CopyFrom(_compare(".x", 3))
    block.case.then_node.CopyFrom(build.node("c0", "double", a="x"))
    block.else_node.CopyFrom(build.node("c1", "double", a="x"))
    return branch


def _workflow(build: Builder, branch: workflow_pb2.Node) -> workflow_pb2.WorkflowTemplate:
    build.task("make", {}, {"o0": "int"})
    return build.workflow(
        build.node("n0", "make"), branch, build.node("n2", "make"), inputs={"x": "int", "text": "str"}
    )


def _no_condition(build: Builder, block: Block) -> None:
    block.case.ClearField("condition")


def _no_node(build: Builder, block: Block) -> None:
    block.other.add().condition.CopyFrom(_compare(".x", 1))


def _no_default(build: Builder, block: Block) -> None:
    block.ClearField("else_node")


def _no_case(build: Builder, block: Block) -> None:
    block.ClearField("case")


def _empty_condition(build: Builder, block: Block) -> None:
    block.case.condition.Clear()
    block.case.condition.SetInParent()


def _half_conjunction(build: Builder, block: Block) -> None:
    block.case.condition.conjunction.left_expression.CopyFrom(_compare(".x", 3))


def _unbound_variable(build: Builder, block: Block) -> None:
    block.case.condition.CopyFrom(_compare("n0.o0", 3))


def _other_type(build: Builder, block: Block) -> None:
    block.case.condition.CopyFrom(_compare(".x", "three"))


def _no_right_side(build: Builder, block: Block) -> None:
    block.case.condition.CopyFrom(_compare(".x", None))


def _none_on_the_right(build: Builder, block: Block) -> None:
    none = literals_pb2.Scalar(none_type=literals_pb2.Void())
    block.case.condition.comparison.right_value.scalar.CopyFrom(none)


def _in_a_conjunction(build: Builder, block: Block) -> None:
    block.case.condition.conjunction.left_expression.CopyFrom(_compare(".x", 3))
    block.case.condition.conjunction.right_expression.CopyFrom(_compare(".y", 3))


def _later_node(build: Builder, block: Block) -> None:
    block.case.then_node.inputs[0].binding.CopyFrom(build.binding("n2.o0"))


def _sibling_case(build: Builder, block: Block) -> None:
    block.else_node.inputs[0].binding.CopyFrom(build.binding("c0.o0"))


def _bad_case(build: Builder, block: Block) -> None:
    del block.else_node.inputs[:]


def _other_output(build: Builder, block: Block) -> None:
    block.else_node.CopyFrom(build.node("c1", "say", text="text"))


CASES: list[tuple[Callable[[Builder, Block], None], str, str, str]] = [
    (
        _no_condition,
        "BranchNodeHasNoCondition",
        "n1",
        "One of the branches on the node doesn't have a condition.",
    ),
    (_no_case, "BranchNodeHasNoCondition", "n1", "One of the branches on the node doesn't have a condition."),
    (_no_node, "BranchNodeIdNotFound", "n1", "BranchNode not assigned"),
    (
        _no_default,
        "BranchNodeHasNoDefault",
        "n1",
        "Branch Node must have either the else case set or a default error.",
    ),
    (_empty_condition, "ValueRequired", "n1", "Value required [Expr]."),
    (
        _half_conjunction,
        "BranchNodeHasNoCondition",
        "n1",
        "One of the branches on the node doesn't have a condition.",
    ),
    (_unbound_variable, "VariableNameNotFound", "n1", "Variable [n0.o0] not found on node [n1]."),
    (_in_a_conjunction, "VariableNameNotFound", "n1", "Variable [.y] not found on node [n1]."),
    (
        _other_type,
        "MismatchingTypes",
        "n1",
        "Variable [RightValue] (type [simple:STRING]) doesn't match expected type [simple:INTEGER].",
    ),
    (_no_right_side, "ValueRequired", "n1", "Value required [RightValue.Val]."),
    (_none_on_the_right, "ValueRequired", "n1", "Value required [RightValue.Val]."),
    (_later_node, "NodeReferenceNotFound", "n1-c0", "Referenced node [n2] not found."),
    (_sibling_case, "NodeReferenceNotFound", "n1-c1", "Referenced node [c0] not found."),
    (_bad_case, "ParameterNotBound", "n1-c1", "Parameter not bound [a]."),
    (
        _other_output,
        "MismatchingTypes",
        "n1-c1",
        "Variable [o0] (type [simple:INTEGER]) doesn't match expected type [simple:STRING].",
    ),
]


@pytest.mark.parametrize(
    ("spoil", "code", "node_id", "description"), CASES, ids=[case[0].__name__ for case in CASES]
)
def test_what_is_wrong_is_told(
    build: Builder, spoil: Callable[[Builder, Block], None], code: str, node_id: str, description: str
) -> None:
    branch = _branch(build)
    spoil(build, branch.branch_node.if_else)
    with pytest.raises(CompileErrors) as refusal:
        build.compile(_workflow(build, branch))
    told = [(error.code, error.node_id, error.description) for error in refusal.value.errors]
    assert (code, node_id, description) in told


def test_the_branch_that_the_others_spoil_is_fine(build: Builder) -> None:
    build.compile(_workflow(build, _branch(build)))


def test_a_branch_may_use_what_comes_before_it(build: Builder) -> None:
    branch = _branch(build, **{"n0.o0": "n0.o0"})
    branch.branch_node.if_else.case.condition.CopyFrom(_compare("n0.o0", 3))
    branch.branch_node.if_else.case.then_node.inputs[0].binding.CopyFrom(build.binding("n0.o0"))
    upstream = build.compile(_workflow(build, branch)).primary.connections.upstream
    assert list(upstream["n1"].ids) == ["n0", "start-node"]
    assert list(upstream["n1-c0"].ids) == ["n0"]


def test_an_attribute_cannot_be_compared(build: Builder) -> None:
    """As in flytepropeller, which forgets the path and sees the whole struct."""
    data = build.type("struct")
    data.structure.dataclass_type["a"].CopyFrom(build.type("int"))
    binding = build.binding("data")
    binding.promise.attr_path.add(string_value="a")
    branch = _branch(build, **{".data": binding})
    branch.branch_node.if_else.case.condition.CopyFrom(_compare(".data", 3))
    template = _workflow(build, branch)
    template.interface.inputs.variables["data"].type.CopyFrom(data)
    with pytest.raises(CompileErrors, match=r"doesn't match expected type \[simple:STRUCT"):
        build.compile(template)


def test_branches_nest_deeply_in_time_that_grows_with_their_number(build: Builder) -> None:
    """Each level is checked once: twice a level would be a million times here."""
    node = build.node("c", "double", a="x")
    for level in range(20):
        outer = _branch(build)
        outer.id = f"b{level}"
        outer.branch_node.if_else.case.then_node.CopyFrom(node)
        node = outer
    compiled = build.compile(_workflow(build, node)).primary
    deepest = "-".join([f"b{level}" for level in reversed(range(20))] + ["c"])
    assert deepest in compiled.connections.upstream
