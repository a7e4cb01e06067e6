"""Tasks and launch plans that are somebody else's: registered before, and known by name and version."""

from flytekit import dynamic, reference_launch_plan, reference_task, task, workflow


@reference_task(project="flytesnacks", domain="development", name="examples.nested.double", version="v1")
def double(number: int) -> int: ...


@reference_launch_plan(
    project="flytesnacks", domain="development", name="conformance.twice_plan", version="v1"
)
def twice(number: int) -> int: ...


@workflow
def borrowed(number: int) -> int:
    return twice(number=double(number=number))


@task
def add(left: int, right: int) -> int:
    return left + right


@dynamic
def borrow_later(number: int) -> int:
    return add(left=number, right=twice(number=number))


@workflow
def borrowed_dynamically(number: int) -> int:
    return borrow_later(number=number)
