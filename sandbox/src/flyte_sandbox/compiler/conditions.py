"""Can the condition of a branch's case be evaluated?

Source: flytepropeller pkg/compiler/validators/condition.go.
"""

from __future__ import annotations

from flyteidl.core import condition_pb2, literals_pb2
from flyteidl.core.types_pb2 import LiteralType

from flyte_sandbox.compiler.compile_errors import ErrorCollector, Flaw
from flyte_sandbox.compiler.context import Types
from flyte_sandbox.compiler.literals import infer_type
from flyte_sandbox.compiler.typing import describe, is_same


def check_condition(
    node_id: str, expression: condition_pb2.BooleanExpression, bound: Types, errors: ErrorCollector
) -> None:
    """:param bound: the types of the branch node's inputs; a condition may use nothing else."""
    kind = expression.WhichOneof("expr")
    if kind == "comparison":
        _check_comparison(node_id, expression.comparison, bound, errors)
    elif kind == "conjunction":
        for side in ("left_expression", "right_expression"):
            if expression.conjunction.HasField(side):
                check_condition(node_id, getattr(expression.conjunction, side), bound, errors)
            else:
                errors.add(Flaw.CASE_WITHOUT_CONDITION, node_id)
    else:
        errors.add(Flaw.VALUE_REQUIRED, node_id, "Expr")


def _check_comparison(
    node_id: str, comparison: condition_pb2.ComparisonExpression, bound: Types, errors: ErrorCollector
) -> None:
    right = _operand_type(node_id, "RightValue", comparison.right_value, bound, errors)
    left = _operand_type(node_id, "LeftValue", comparison.left_value, bound, errors)
    if left is not None and right is not None and not is_same(left, right):
        errors.add(Flaw.TYPE_MISMATCH, node_id, "RightValue", describe(right), describe(left))


def _operand_type(
    node_id: str, side: str, operand: condition_pb2.Operand, bound: Types, errors: ErrorCollector
) -> LiteralType | None:
    kind = operand.WhichOneof("val")
    if kind == "primitive":
        scalar = literals_pb2.Scalar(primitive=operand.primitive)
        return infer_type(literals_pb2.Literal(scalar=scalar))
    if kind == "var" and operand.var:
        if operand.var not in bound:
            errors.add(Flaw.VARIABLE_NOT_FOUND, node_id, operand.var, node_id)
        return bound.get(operand.var)
    errors.add(Flaw.VALUE_REQUIRED, node_id, f"{side}.Val")
    return None
