"""One node of each kind, each task leaving a line when it runs."""

import os
from datetime import timedelta
from pathlib import Path

from flytekit import LaunchPlan, conditional, dynamic, map_task, sleep, task, workflow


@task(cache=True, cache_version="1", cache_serialize=True)
def note(folder: str, name: str) -> str:
    execution = os.environ["FLYTE_INTERNAL_EXECUTION_ID"]
    with (Path(folder) / "lines").open("a") as file:
        file.write(f"{name} {execution} {os.environ['FLYTE_ATTEMPT_NUMBER']}\n")
    return name


@task
def square(number: int) -> int:
    return number * number


@dynamic
def yields(folder: str) -> list[int]:
    note(folder=folder, name="yielded")
    return map_task(square)(number=[1, 2, 3])


@workflow
def inside(folder: str) -> str:
    return note(folder=folder, name="inside")


@workflow
def launched(folder: str) -> str:
    return note(folder=folder, name="launched")


launched_plan = LaunchPlan.get_or_create(launched, name="examples.everything.launched_plan")


@workflow
def everything(folder: str) -> tuple[str, str, list[int], str]:
    first = note(folder=folder, name="first")
    nested = inside(folder=folder)
    child = launched_plan(folder=folder)
    squares = yields(folder=folder)
    pause = sleep(timedelta(milliseconds=50))
    first >> pause
    pause >> squares
    chosen = (
        conditional("which")
        .if_(nested == "inside")
        .then(note(folder=folder, name="then"))
        .else_()
        .then(note(folder=folder, name="else"))
    )
    return nested, child, squares, chosen
