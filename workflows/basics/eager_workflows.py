"""Eager workflows: plain Python that runs while it launches tasks.

An ``@eager`` function is a task that waits for others: each call of a task is an execution of its own that
gives a real value, and anything Python can do with it is allowed, catching errors included. Ordinary tasks
are called as they are, one after the other; tasks that are ``async`` are awaited, and may run side by side.
"""

import asyncio

from flytekit import eager, task


@task
def double(number: int) -> int:
    """An execution of its own, when it is called from below."""
    return number * 2


@task
async def add_one(number: int) -> int:
    """One that can be awaited."""
    return number + 1


@eager
async def eager_wf(number: int = 3, limit: int = 10) -> int:
    """Double until the limit is reached, then add two results that were made side by side.

    :param number: where to begin; greater than zero.
    :param limit: where to stop.
    :return: the last number plus one, plus the one before it plus one.
    """
    before = number
    while number < limit:
        before, number = number, double(number=number)
    one, two = await asyncio.gather(add_one(number=number), add_one(number=before))
    return one + two
