"""What a task's process can leave behind: outputs, errors, both, neither, garbage."""

# mypy: disable-error-code="return-value"
import os
import signal
import sys
import tempfile

from flyteidl.core.errors_pb2 import ContainerError, ErrorDocument
from flytekit import FlyteContextManager, task, workflow
from flytekit.core.base_task import IgnoreOutputs


def leave(name: str, content: bytes) -> None:
    """A file of our own where the process's result belongs."""
    prefix = sys.argv[sys.argv.index("--output-prefix") + 1]
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        FlyteContextManager.current_context().file_access.put_data(file.name, f"{prefix}/{name}")


@task
def nothing() -> None: ...


@task
def wrong_type() -> int:
    return "text"


@task
def killed() -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return 1


@task
def ignored(number: int) -> int:
    if number:
        raise IgnoreOutputs
    return number


@task(environment={"FLYTE_FAIL_ON_ERROR": "true"})
def fails_loudly(number: int) -> int:
    if number:
        raise ValueError("loudly")
    return number


@task
def error_and_outputs() -> int:
    error = ContainerError(code="MINE", message="in my own words", kind=ContainerError.NON_RECOVERABLE)
    leave("error.pb", ErrorDocument(error=error).SerializeToString())
    return 1


@task
def empty_error(number: int) -> int:
    leave("error.pb", b"")
    if number:
        raise IgnoreOutputs
    return number


@task
def too_big() -> tuple[str, str]:
    """Each small enough to stay in its message, and together too large for one."""
    return "x" * 6 * 1024 * 1024, "y" * 6 * 1024 * 1024


@task
def echo(text: str) -> str:
    return text


@workflow
def succeeds_with_nothing() -> None:
    nothing()


@workflow
def returns_wrong_type() -> int:
    return wrong_type()


@workflow
def is_killed() -> int:
    return killed()


@workflow
def ignores_outputs() -> int:
    return ignored(number=1)


@workflow
def fails_on_error() -> int:
    return fails_loudly(number=1)


@workflow
def leaves_both() -> int:
    return error_and_outputs()


@workflow
def leaves_empty_error() -> int:
    return empty_error(number=1)


@workflow
def returns_too_much() -> tuple[str, str]:
    return too_big()


@workflow
def echoes(text: str = "hello") -> str:
    return echo(text=text)
