"""Map tasks: one task over each element of a list, side by side.

``concurrency`` bounds how many run at once. ``min_success_ratio`` lets some fail: their results are
``None``. Inputs that are the same for all elements are bound with ``functools.partial``.
"""

from functools import partial

from flytekit import map_task, task, workflow


@task
def scale(number: float, factor: float) -> float:
    """One element; the factor is the same for all."""
    return number * factor


@task
def invert(number: float) -> float:
    """Fails for zero."""
    return 1 / number


@task
def total(numbers: list[float]) -> float:
    """The results come as a list in the order of the elements."""
    return sum(numbers)


@task
def count_missing(numbers: list[float | None]) -> int:
    """Those that failed are None."""
    return sum(number is None for number in numbers)


@workflow
def map_wf(numbers: list[float] = [1.0, 2.0, 3.0], factor: float = 2.0) -> float:  # noqa: B006
    """Scale every number, two at a time, and add them up.

    :param numbers: the elements.
    :param factor: for all of them.
    :return: the sum.
    """
    return total(numbers=map_task(partial(scale, factor=factor), concurrency=2)(number=numbers))


@workflow
def tolerant_wf(numbers: list[float] = [1.0, 0.0, 4.0]) -> tuple[list[float | None], int]:  # noqa: B006
    """Invert every number; half of them may fail.

    :param numbers: zero has no inverse.
    :return: the inverses, None where there is none, and how many are missing.
    """
    inverses = map_task(invert, min_success_ratio=0.5)(number=numbers)
    return inverses, count_missing(numbers=inverses)
