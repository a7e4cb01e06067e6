"""One task over many items."""

import functools
import os

from flytekit import map_task, task, workflow
from flytekit.exceptions.user import FlyteRecoverableException


@task
def square(number: int) -> int:
    return number * number


@workflow
def squares(numbers: list[int]) -> list[int]:
    return map_task(square)(number=numbers)


@task
def scale(number: int, factor: int) -> int:
    return number * factor


@workflow
def scaled(numbers: list[int], factor: int) -> list[int]:
    return map_task(functools.partial(scale, factor=factor), concurrency=2)(number=numbers)


@task
def picky(number: int) -> int:
    if number % 2:
        raise ValueError("odd")
    return number


@workflow
def all_must_succeed(numbers: list[int]) -> list[int]:
    return map_task(picky)(number=numbers)


@workflow
def half_may_fail(numbers: list[int]) -> list[int | None]:
    return map_task(picky, min_success_ratio=0.5)(number=numbers)


@task(retries=1)
def flaky(number: int) -> int:
    if os.environ["FLYTE_ATTEMPT_NUMBER"] == "0" and number == 1:
        raise FlyteRecoverableException("not yet")
    return number


@workflow
def retried(numbers: list[int]) -> list[int]:
    return map_task(flaky)(number=numbers)
