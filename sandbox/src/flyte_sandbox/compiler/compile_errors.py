"""What a compiler finds wrong: collected, then raised as one refusal.

Source: flytepropeller pkg/compiler/errors/{compiler_errors,compiler_error}.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flyte_sandbox.errors import InvalidArgument


@dataclass(frozen=True)
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
