"""Dynamic workflows: how many tasks there are, and how they are connected, is known only when it runs.

The body of a ``@dynamic`` function runs as a task, with real values, so loops and ``if`` are fine. The
tasks it calls are not run by that: they become nodes, and run when the body has ended.
"""

from flytekit import dynamic, task, workflow


@task
def split(number: int) -> list[int]:
    """The prime factors, smallest first."""
    found, divisor = [], 2
    while number > 1:
        while number % divisor == 0:
            found.append(divisor)
            number //= divisor
        divisor += 1
    return found


@task
def multiply(left: int, right: int) -> int:
    """One multiplication, as a task of its own."""
    return left * right


@dynamic
def product(factors: list[int]) -> int:
    """A chain of as many tasks as there are factors."""
    result = 1
    for factor in factors:
        result = multiply(left=result, right=factor)
    return result


@workflow
def dynamic_wf(number: int = 84) -> int:
    """Take a number apart, and put it together again with a workflow that fits it.

    :param number: greater than one.
    :return: the same number.
    """
    return product(factors=split(number=number))
