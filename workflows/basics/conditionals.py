"""Conditionals: which branch runs is decided when the workflow runs.

The workflow function itself runs once, at registration, on promises instead of values: a Python ``if``
cannot see them. ``conditional`` can. Compare with ``==``, ``<`` and the like, join with ``&`` and ``|``,
and ask booleans with ``is_true()``. Branches that are not taken are not run.
"""

from flytekit import conditional, task, workflow


@task
def half(number: int) -> int:
    """For even numbers."""
    return number // 2


@task
def triple_plus_one(number: int) -> int:
    """For odd numbers."""
    return 3 * number + 1


@task
def is_even(number: int) -> bool:
    """A task may decide."""
    return number % 2 == 0


@workflow
def collatz_wf(number: int = 6) -> int:
    """One step of Collatz' sequence.

    :param number: greater than zero; anything else fails with the message of the last branch.
    :return: the next number.
    """
    even = is_even(number=number)
    return (
        conditional("step")
        .if_((number > 0) & even.is_true())
        .then(half(number=number))
        .elif_(number > 0)
        .then(triple_plus_one(number=number))
        .else_()
        .fail("the number must be greater than zero")
    )


@workflow
def nested_wf(number: int = 7) -> int:
    """A branch may hold another conditional, whose result is what the outer one gives.

    :param number: any number.
    :return: the number, halved where that is possible, tripled where it is odd and small.
    """
    even = is_even(number=number)
    return (
        conditional("size")
        .if_(number < 10)
        .then(
            conditional("small")
            .if_(even.is_true())
            .then(half(number=number))
            .else_()
            .then(triple_plus_one(number=number))
        )
        .else_()
        .then(half(number=number))
    )
