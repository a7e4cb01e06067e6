"""The two kinds of errors of nodes and attempts: the user's fault, or Flyte's own.

Source: flyteidl core/execution.proto ``ExecutionError.ErrorKind``.
"""

from __future__ import annotations

from flyte_sandbox.engine.model import ExecutionError


def user_error(code: str, message: str) -> ExecutionError:
    return ExecutionError(code=code, message=message, kind=ExecutionError.USER)


def system_error(code: str, message: str) -> ExecutionError:
    return ExecutionError(code=code, message=message, kind=ExecutionError.SYSTEM)
