"""A sub-workflow, and a launch plan that runs as an execution of its own."""

from flytekit import LaunchPlan, task, workflow


@task
def double(number: int) -> int:
    return 2 * number


@workflow
def twice(number: int) -> int:
    return double(number=double(number=number))


@workflow
def outer(number: int = 3) -> int:
    return twice(number=double(number=number))


twice_plan = LaunchPlan.get_or_create(twice, name="conformance.twice_plan")


@workflow
def with_plan(number: int = 3) -> int:
    return twice_plan(number=number)
