"""Gates: an approval, a value from outside, a pause."""

from datetime import timedelta

from flytekit import approve, sleep, task, wait_for_input, workflow


@task
def double(number: int) -> int:
    return 2 * number


@workflow
def asks(number: int) -> int:
    more = wait_for_input("more", timeout=timedelta(hours=1), expected_type=int)
    approved = approve(double(number=number), "is-it-right", timeout=timedelta(hours=1))
    return add(left=approved, right=more)


@task
def add(left: int, right: int) -> int:
    return left + right


@workflow
def pauses() -> int:
    pause = sleep(timedelta(seconds=1))
    doubled = double(number=2)
    pause >> doubled
    return doubled
