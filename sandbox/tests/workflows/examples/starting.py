"""Plain Python as a workflow, a handler of failures, a map over a launch plan, tasks that take their time."""

import time
import uuid

from flytekit import LaunchPlan, eager, map_task, task, workflow
from flytekit.types.error.error import FlyteError


@task
def add_one(number: int) -> int:
    return number + 1


@eager
async def counted(number: int) -> int:
    first = add_one(number=number)
    return add_one(number=first)


@task
def refuses(number: int) -> int:
    if number:
        raise ValueError(f"no {number}")
    return number


@task(enable_deck=True)
def clean_up(number: int, err: FlyteError | None = None) -> None:
    print("cleaning up after", number, err.message if err else None)  # noqa: T201


@workflow(on_failure=clean_up)
def cleaned_up(number: int) -> int:
    return refuses(number=number)


@workflow
def grown(number: int) -> int:
    return add_one(number=number)


grown_plan = LaunchPlan.get_or_create(grown, name="examples.starting.grown_plan")


@workflow
def all_grown(numbers: list[int]) -> list[int]:
    return map_task(grown_plan)(number=numbers)


@task
def dawdle(seconds: int) -> int:
    time.sleep(seconds)
    return seconds


@workflow
def dawdles(seconds: int) -> int:
    return dawdle(seconds=seconds)


dawdles_plan = LaunchPlan.get_or_create(dawdles, name="examples.starting.dawdles_plan")


@workflow
def all_dawdle(seconds: list[int]) -> list[int]:
    return map_task(dawdles_plan)(seconds=seconds)


@task(cache=True, cache_version="1", cache_serialize=True)
def draw_alone(seed: str) -> str:
    """Another value each time that it really runs, which takes so long that others come meanwhile."""
    time.sleep(1)
    return f"{seed}-{uuid.uuid4().hex}"


@workflow
def drawn_alone(seed: str) -> str:
    return draw_alone(seed=seed)
