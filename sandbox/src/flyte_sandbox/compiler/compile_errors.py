"""What a compiler finds wrong: collected, then raised as one refusal.

Each text is written once, here. Source: flytepropeller pkg/compiler/errors/{compiler_errors,error,sets}.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from flyte_sandbox.errors import InvalidArgument


class Flaw(Enum):
    """A code of flytepropeller and the sentence that goes with it; one code may have two sentences."""

    VALUE_REQUIRED = ("ValueRequired", "Value required [{}].")
    INVALID_VALUE = ("InvalidValue", "Invalid value [{}].")
    UNRECOGNIZED_VALUE = ("UnrecognizedValue", "Unrecognized value [{}].")
    SYNTAX = ("SyntaxError", "Failed to parse element [{}].")
    DUPLICATE_ID = ("DuplicateId", "Trying to insert two nodes with the same id.")
    DUPLICATE_ALIAS = (
        "DuplicateAlias",
        "Duplicate alias [{}] found. An output alias can only be used once in the Workflow.",
    )
    NO_NODES = ("NoNodesFound", "Can't find any nodes in workflow [{}].")
    TASK_NOT_FOUND = ("TaskReferenceNotFound", "Referenced Task [{}] not found.")
    WORKFLOW_NOT_FOUND = ("WorkflowReferenceNotFound", "Referenced Workflow [{}] not found.")
    NODE_NOT_FOUND = ("NodeReferenceNotFound", "Referenced node [{}] not found.")
    VARIABLE_NOT_FOUND = ("VariableNameNotFound", "Variable [{}] not found on node [{}].")
    FIELD_NOT_FOUND = ("FieldNotFound", "Variable [{}] (type [{}]) doesn't have field [{}].")
    NOT_BOUND = ("ParameterNotBound", "Parameter not bound [{}].")
    BOUND_TWICE = ("ParameterBoundMoreThanOnce", "Input [{}] is bound more than once.")
    TYPE_MISMATCH = ("MismatchingTypes", "Variable [{}] (type [{}]) doesn't match expected type [{}].")
    VARIABLE_MISMATCH = (
        "MismatchingTypes",
        "The output variable '{}' has type [{}],"
        " but it's assigned to the input variable '{}' which has type type [{}].",
    )
    BINDING_MISMATCH = (
        "MismatchingBindings",
        "Input [{}] on node [{}] expects bindings of type [{}].  Received [{}]",
    )
    ILLEGAL_ENUM_VALUE = (
        "IllegalEnumValue",
        "Input [{}] on node [{}] is an Enum and expects value to be one of [{}].  Received [{}]",
    )
    AMBIGUOUS_UNION = (
        "AmbiguousBindingUnionValue",
        "Input [{}] on node [{}] expects bindings of union type [{}]."
        "  Received [{}] which is ambiguous as both variants [{}] and [{}] match.",
    )
    INCOMPATIBLE_UNION = (
        "IncompatibleBindingUnionValue",
        "Input [{}] on node [{}] expects bindings of union type [{}]."
        "  Received [{}] which does not match any of the variants.",
    )
    CASE_WITHOUT_NODE = ("BranchNodeIdNotFound", "BranchNode not assigned")
    CASE_WITHOUT_CONDITION = (
        "BranchNodeHasNoCondition",
        "One of the branches on the node doesn't have a condition.",
    )
    BRANCH_WITHOUT_DEFAULT = (
        "BranchNodeHasNoDefault",
        "Branch Node must have either the else case set or a default error.",
    )
    GATE_WITHOUT_CONDITION = ("NoConditionFound", "Can't find any condition in gate node [{}].")
    CYCLE = ("CycleDetected", "A cycle has been detected while traversing the Workflow [{}].")
    UNREACHABLE = ("UnreachableNodes", "The Workflow contain unreachable nodes [{}].")


@dataclass(frozen=True, order=True)
class CompileError:
    """:param code: one of flytepropeller's error codes, as in ``MismatchingTypes``."""

    code: str
    node_id: str
    description: str

    def __str__(self) -> str:
        return f"Code: {self.code}, Node Id: {self.node_id}, Description: {self.description}"


class CompileErrors(InvalidArgument):
    """:param prefix: what failed, on which identifier."""

    def __init__(self, prefix: str, errors: Sequence[CompileError]) -> None:
        self.errors = list(errors)
        listed = "".join(f"\n\tError {index}: {error}" for index, error in enumerate(self.errors))
        super().__init__(f"{prefix}Collected Errors: {len(self.errors)}{listed}")


class ErrorCollector:
    """Every error once; a compiler goes on after one, so that all are told at a time."""

    def __init__(self) -> None:
        self._found: set[CompileError] = set()

    def __len__(self) -> int:
        return len(self._found)

    def add(self, flaw: Flaw, node_id: str, *details: object) -> None:
        code, text = flaw.value
        self._found.add(CompileError(code, node_id, text.format(*details)))

    def raise_if_any(self, prefix: str) -> None:
        """:raises CompileErrors: sorted by code, so that the text does not depend on the order of maps."""
        if self._found:
            raise CompileErrors(prefix, sorted(self._found))
