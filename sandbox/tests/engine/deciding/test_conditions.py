"""What conditions compare, how, and what they refuse to; and what becomes of a branch then."""

from __future__ import annotations

from typing import Any

import pytest
from flyteidl.core import condition_pb2, literals_pb2, types_pb2, workflow_pb2
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from flyte_sandbox.engine.deciding.conditions import ChosenFailureError, ConditionError, choose, evaluate

from ..graphs import Stepper, task_node, template
from .test_arms import branch

Comparison = condition_pb2.ComparisonExpression
Conjunction = condition_pb2.ConjunctionExpression
NOTHING = literals_pb2.LiteralMap()
OPERATORS = ("EQ", "NEQ", "GT", "GTE", "LT", "LTE")


def primitive(value: Any) -> literals_pb2.Primitive:
    match value:
        case bool():
            return literals_pb2.Primitive(boolean=value)
        case int():
            return literals_pb2.Primitive(integer=value)
        case float():
            return literals_pb2.Primitive(float_value=value)
        case str():
            return literals_pb2.Primitive(string_value=value)
        case Timestamp():
            return literals_pb2.Primitive(datetime=value)
        case _:
            return literals_pb2.Primitive(duration=value)


def compared(left: Any, operator: str, right: Any) -> condition_pb2.BooleanExpression:
    sides = [condition_pb2.Operand(primitive=primitive(value)) for value in (left, right)]
    comparison = Comparison(
        operator=Comparison.Operator.Value(operator), left_value=sides[0], right_value=sides[1]
    )
    return condition_pb2.BooleanExpression(comparison=comparison)


def about(name: str) -> condition_pb2.BooleanExpression:
    one = condition_pb2.Operand(primitive=primitive(1))
    comparison = Comparison(left_value=condition_pb2.Operand(var=name), right_value=one)
    return condition_pb2.BooleanExpression(comparison=comparison)


def joined(operator: int, left: Any, right: Any) -> condition_pb2.BooleanExpression:
    conjunction = Conjunction(operator=operator, left_expression=left, right_expression=right)
    return condition_pb2.BooleanExpression(conjunction=conjunction)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (1, 2),
        (-0.5, 0.25),
        ("Zebra", "ant"),
        (Timestamp(seconds=5), Timestamp(seconds=6)),
        (Duration(seconds=5), Duration(seconds=6)),
    ],
)
def test_primitives_are_compared_in_their_order(left: Any, right: Any) -> None:
    def holds(one: Any, other: Any) -> list[str]:
        return [name for name in OPERATORS if evaluate(compared(one, name, other), NOTHING)]

    assert holds(left, right) == ["NEQ", "LT", "LTE"]
    assert holds(right, left) == ["NEQ", "GT", "GTE"]
    assert holds(left, left) == ["EQ", "GTE", "LTE"]


@pytest.mark.parametrize("kind", [Timestamp, Duration])
def test_times_are_compared_in_whole_seconds(kind: Any) -> None:
    assert evaluate(compared(kind(seconds=5, nanos=1), "EQ", kind(seconds=5, nanos=999_999_999)), NOTHING)


@pytest.mark.parametrize("operator", OPERATORS)
def test_booleans_are_only_equal_or_not(operator: str) -> None:
    expression = compared(True, operator, False)
    if operator in ("EQ", "NEQ"):
        assert evaluate(expression, NOTHING) is (operator == "NEQ")
    else:
        with pytest.raises(ConditionError, match="Only EQ and NEQ"):
            evaluate(expression, NOTHING)


def test_a_number_is_not_compared_with_one_of_another_kind() -> None:
    with pytest.raises(ConditionError, match="different primitives"):
        evaluate(compared(1, "EQ", 1.0), NOTHING)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, r"No value for variable \[x\]"),
        (literals_pb2.Literal(scalar={"none_type": {}}), "Only primitives can be compared"),
        (literals_pb2.Literal(collection={"literals": []}), "Only primitives can be compared"),
        (
            literals_pb2.Literal(
                scalar={
                    "union": {
                        "value": {"scalar": {"primitive": {"integer": 1}}},
                        "type": {"simple": types_pb2.INTEGER},
                    }
                }
            ),
            "Only primitives can be compared",
        ),
    ],
    ids=["missing", "none", "list", "optional"],
)
def test_anything_else_is_not_compared(value: literals_pb2.Literal | None, words: str) -> None:
    given = literals_pb2.LiteralMap(literals={"x": value} if value is not None else {})
    with pytest.raises(ConditionError, match=words):
        evaluate(about("x"), given)


def test_both_sides_of_and_and_or_are_evaluated() -> None:
    true, false = compared(1, "EQ", 1), compared(1, "EQ", 2)
    for left, right in ((true, true), (true, false), (false, true), (false, false)):
        values = (left is true, right is true)
        assert evaluate(joined(Conjunction.AND, left, right), NOTHING) is all(values)
        assert evaluate(joined(Conjunction.OR, left, right), NOTHING) is any(values)
    for operator, decided in ((Conjunction.AND, false), (Conjunction.OR, true)):
        with pytest.raises(ConditionError):
            evaluate(joined(operator, decided, about("x")), NOTHING)


def test_without_a_case_that_holds_the_default_counts() -> None:
    case = workflow_pb2.IfBlock(condition=compared(1, "EQ", 2), then_node=workflow_pb2.Node(id="then"))
    block = workflow_pb2.IfElseBlock(case=case, other=[case])
    with pytest.raises(ConditionError, match="No branch satisfied"):
        choose(block, NOTHING)
    block.error.message = "none of these"
    with pytest.raises(ChosenFailureError, match="none of these"):
        choose(block, NOTHING)
    block.else_node.id = "else"
    assert choose(block, NOTHING).id == "else"
    block.other[0].condition.CopyFrom(compared(1, "EQ", 1))
    assert choose(block, NOTHING).id == "then"


def test_a_condition_that_cannot_be_evaluated_fails_the_branch_for_good() -> None:
    node = branch("n0", task_node("a", ("", "text")), task_node("b", ("", "text")))
    run = Stepper(template([node], ("n0", "o0")))
    run.run.inputs.literals["text"].CopyFrom(literals_pb2.Literal(scalar={"none_type": {}}))
    assert run.begin()[-4:] == ["n0 RUNNING", "n0 FAILED", "workflow FAILING", "workflow FAILED"]
    assert run.events[-1].error.code == "MalformedBranchUserError"
