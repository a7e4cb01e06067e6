"""The workflow of ``sandbox.tasks``: one task that does nothing, mapped over a list."""

from flytekit import map_task, task, workflow


@task
def nothing(number: int) -> int:
    return number


@workflow
def mapped(numbers: list[int]) -> list[int]:
    return map_task(nothing)(number=numbers)
