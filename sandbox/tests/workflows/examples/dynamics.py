"""Workflows that are known only at run time."""

from flytekit import dynamic, task, workflow


@task
def square(number: int) -> int:
    return number * number


@task
def total(numbers: list[int]) -> int:
    return sum(numbers)


@dynamic
def squares(count: int) -> int:
    return total(numbers=[square(number=number) for number in range(count)])


@workflow
def sum_of_squares(count: int) -> int:
    return squares(count=count)


@dynamic
def outer(count: int) -> int:
    return squares(count=count)


@workflow
def dynamic_in_dynamic(count: int) -> int:
    return outer(count=count)


@task
def refuses(number: int) -> int:
    if number > 1:
        raise ValueError(f"no {number}")
    return number


@dynamic
def some_refuse(count: int) -> list[int]:
    return [refuses(number=number) for number in range(count)]


@workflow
def fails_inside(count: int) -> list[int]:
    return some_refuse(count=count)


@dynamic
def nothing_to_do(count: int) -> int:
    return count


@workflow
def yields_nothing(count: int) -> int:
    return nothing_to_do(count=count)
