"""What a terminal execution means to a task: nothing to say, or one of our errors.

The first words of each message are those of 0.0.5, so that searches through logs keep finding them.
"""

from __future__ import annotations

from flyteidl.admin import execution_pb2
from flyteidl.core import execution_pb2 as core_execution_pb2
from flyteidl.core.execution_pb2 import ExecutionError

from flyte_provider._client import phases
from flyte_provider._client.failures import FailedNode
from flyte_provider.exceptions import (
    FlyteExecutionAbortedError,
    FlyteExecutionError,
    FlyteExecutionFailedError,
    FlyteExecutionTimedOutError,
    FlyteExecutionUserError,
)

_LONGEST_SUMMARY = 500


def error_of(
    execution: execution_pb2.Execution, url: str, failed_node: FailedNode | None = None
) -> FlyteExecutionError | None:
    """Return the error that a terminal execution deserves, None when it succeeded or has not ended.

    :param url: the execution's page in the console
    :param failed_node: what :func:`find_failed_node` found
    """
    phase = execution.closure.phase
    if phase == phases.FAILED:
        return _failed(execution, url, failed_node)
    if phase == phases.ABORTED:
        return _aborted(execution, url)
    if phase == phases.TIMED_OUT:
        name = execution.id.name
        message = f"Execution {name} timedout: Flyte's own time limit passed; {url}"
        return FlyteExecutionTimedOutError(message, name=name, phase="TIMED_OUT", url=url)
    return None


def has_succeeded(execution: execution_pb2.Execution, url: str) -> bool:
    """Return whether it has; False while it runs.

    :raises FlyteExecutionError: it failed, was aborted or timed out
    """
    error = error_of(execution, url)
    if error is not None:
        raise error
    return bool(execution.closure.phase == phases.SUCCEEDED)


def _failed(
    execution: execution_pb2.Execution, url: str, failed_node: FailedNode | None
) -> FlyteExecutionFailedError:
    error = failed_node.error if failed_node else execution.closure.error
    kind = str(ExecutionError.ErrorKind.Name(error.kind))
    place = f" in node {failed_node.path}" if failed_node else ""
    name = execution.id.name
    cls = FlyteExecutionUserError if kind == "USER" else FlyteExecutionFailedError
    return cls(
        f"Execution {name} failed{place} ({name_error(error)}): {summarise(error.message)}; {url}",
        name=name,
        url=url,
        kind=kind,
        code=error.code,
        error_message=error.message,
        node=failed_node.path if failed_node else "",
    )


def name_error(error: core_execution_pb2.ExecutionError) -> str:
    """Return ``USER:ValueError``: flytekit's codes begin with the kind already, other engines' do not."""
    kind, code = str(ExecutionError.ErrorKind.Name(error.kind)), error.code
    return code if code.startswith(f"{kind}:") else f"{kind}:{code or 'error'}"


def _aborted(execution: execution_pb2.Execution, url: str) -> FlyteExecutionAbortedError:
    metadata = execution.closure.abort_metadata
    cause = metadata.cause or execution.closure.abort_cause
    by = f" by {metadata.principal}" if metadata.principal else ""
    name = execution.id.name
    return FlyteExecutionAbortedError(
        f"Execution {name} aborted{by}: {cause or 'no cause given'}; {url}",
        name=name,
        url=url,
        by=metadata.principal,
        cause=cause,
    )


def summarise(message: str) -> str:
    """Return the one line of an error message that says most.

    flytekit writes a traceback and then ``Message:`` with the exception; anything else ends with its point.
    """
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    if not lines:
        return "no message"
    marks = [index for index, line in enumerate(lines) if line == "Message:"]
    line = lines[marks[-1] + 1] if marks and marks[-1] + 1 < len(lines) else lines[-1]
    return line if len(line) <= _LONGEST_SUMMARY else line[:_LONGEST_SUMMARY] + "…"


def describe_failure(failed_node: FailedNode) -> str:
    """Return the failing node's story for the task log, with the whole error."""
    error = failed_node.error
    lines = [f"Node {failed_node.path} failed at attempt {failed_node.attempt or 'none'}:"]
    lines += [f"  {line}" for line in error.message.splitlines()]
    lines += [f"  {name}: {uri}" for name, uri in failed_node.logs.items()]
    if error.error_uri:
        lines.append(f"  error file: {error.error_uri}")
    return "\n".join(lines)
