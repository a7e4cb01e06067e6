"""One task over many items."""

import functools
import os
import time
from pathlib import Path

from flytekit import LaunchPlan, map_task, task, workflow
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


@workflow
def only_even(number: int) -> int:
    return picky(number=number)


even_plan = LaunchPlan.get_or_create(only_even, name="examples.maps.even_plan")


@workflow
def plans(numbers: list[int]) -> list[int]:
    return map_task(even_plan, concurrency=2)(number=numbers)


@workflow
def half_of_plans(numbers: list[int]) -> list[int | None]:
    return map_task(even_plan, min_success_ratio=0.5)(number=numbers)


@task
def wait_for(gate: str, number: int) -> int:
    while not Path(gate).exists():
        time.sleep(0.02)
    return number


@workflow
def gated(gate: str, number: int) -> int:
    return wait_for(gate=gate, number=number)


gated_plan = LaunchPlan.get_or_create(gated, name="examples.maps.gated_plan")


@workflow
def gated_plans(gates: list[str], numbers: list[int]) -> list[int]:
    return map_task(gated_plan)(gate=gates, number=numbers)


@workflow
def at_least_two(numbers: list[int]) -> list[int]:
    return map_task(even_plan, min_successes=2)(number=numbers)
