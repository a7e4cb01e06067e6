"""Evaluates the conditions of branch nodes. Pure.

Source: flytepropeller pkg/controller/nodes/branch/{evaluator,comparator}.go.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from flyteidl.core import condition_pb2, literals_pb2, workflow_pb2

Comparison = condition_pb2.ComparisonExpression
Conjunction = condition_pb2.ConjunctionExpression

_OPERATORS: Mapping[int, Callable[[Any, Any], bool]] = {
    Comparison.EQ: operator.eq,
    Comparison.NEQ: operator.ne,
    Comparison.GT: operator.gt,
    Comparison.GTE: operator.ge,
    Comparison.LT: operator.lt,
    Comparison.LTE: operator.le,
}
_EQUALITY_ONLY = frozenset({Comparison.EQ, Comparison.NEQ})


class ConditionError(Exception):
    """The condition cannot be evaluated; the branch fails with ``MalformedBranchUserError``."""


class ChosenFailureError(Exception):
    """No case holds, and the workflow says ``fail`` then; carries its message."""


def choose(block: workflow_pb2.IfElseBlock, inputs: literals_pb2.LiteralMap) -> workflow_pb2.Node:
    """:param inputs: what is bound on the branch node, under the names that the conditions use.

    :return: the node of the first case that holds, else of ``else``.
    :raises ChosenFailureError: when no case holds and the workflow says so.
    :raises ConditionError: for operands that cannot be compared, or when nothing is said for this case.
    """
    for case in (block.case, *block.other):
        if evaluate(case.condition, inputs):
            return case.then_node
    match block.WhichOneof("default"):
        case "else_node":
            return block.else_node
        case "error":
            raise ChosenFailureError(block.error.message)
        case _:
            raise ConditionError("No branch satisfied")


def evaluate(expression: condition_pb2.BooleanExpression, inputs: literals_pb2.LiteralMap) -> bool:
    if expression.HasField("comparison"):
        return _compare(expression.comparison, inputs)
    conjunction = expression.conjunction
    left = evaluate(conjunction.left_expression, inputs)
    right = evaluate(conjunction.right_expression, inputs)
    return (left and right) if conjunction.operator == Conjunction.AND else (left or right)


def _compare(comparison: condition_pb2.ComparisonExpression, inputs: literals_pb2.LiteralMap) -> bool:
    left = _operand(comparison.left_value, inputs)
    right = _operand(comparison.right_value, inputs)
    kind = left.WhichOneof("value")
    if kind != right.WhichOneof("value"):
        raise ConditionError(
            f"Comparison between different primitives [{kind}] and [{right.WhichOneof('value')}]"
        )
    if kind == "boolean" and comparison.operator not in _EQUALITY_ONLY:
        raise ConditionError("Only EQ and NEQ compare booleans")
    return _OPERATORS[comparison.operator](_value(left), _value(right))


def _operand(operand: condition_pb2.Operand, inputs: literals_pb2.LiteralMap) -> literals_pb2.Primitive:
    match operand.WhichOneof("val"):
        case "primitive":
            return operand.primitive
        case "scalar" if operand.scalar.HasField("primitive"):
            return operand.scalar.primitive
        case "var":
            return _variable(operand.var, inputs)
        case _:
            raise ConditionError("Only primitives can be compared")


def _variable(name: str, inputs: literals_pb2.LiteralMap) -> literals_pb2.Primitive:
    if name not in inputs.literals:
        raise ConditionError(f"No value for variable [{name}]")
    scalar = inputs.literals[name].scalar
    if not scalar.HasField("primitive"):
        raise ConditionError(f"Only primitives can be compared; variable [{name}] is none")
    return scalar.primitive


def _value(primitive: literals_pb2.Primitive) -> Any:
    """Times and durations compare at whole seconds, as there."""
    value = getattr(primitive, primitive.WhichOneof("value"))
    return value.seconds if hasattr(value, "seconds") else value
