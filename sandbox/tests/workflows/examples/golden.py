"""The worked example: a retry, a dynamic task that yields a map task, a branch."""

import os

from flytekit import conditional, dynamic, map_task, task, workflow
from flytekit.exceptions.user import FlyteRecoverableException


@task(retries=2)
def flaky() -> int:
    if os.environ["FLYTE_ATTEMPT_NUMBER"] == "0":
        raise FlyteRecoverableException("not yet")
    return 1


@task
def square(number: int) -> int:
    return number * number


@dynamic
def fan_out(numbers: list[int]) -> list[int]:
    return map_task(square)(number=numbers)


@task
def high() -> str:
    return "high"


@task
def low() -> str:
    return "low"


@workflow
def worked_example() -> tuple[list[int], str]:
    first = flaky()
    squares = fan_out(numbers=[1, 2, 3])
    first >> squares
    level = conditional("level").if_(first > 5).then(high()).else_().then(low())
    return squares, level
