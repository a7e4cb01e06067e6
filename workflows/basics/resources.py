"""Resources: what a task needs, and what it may use.

A cluster places the task where its *requests* fit and stops it beyond its *limits*. The sandbox runs it on
this machine whatever it asks for, and says on the execution what it could not give; the setting
``flyte.resources`` makes it stricter. A node may override what its task asks for.
"""

from flytekit import Resources, task, workflow


@task(requests=Resources(cpu="500m", mem="200Mi"), limits=Resources(cpu="1", mem="400Mi"))
def sum_up(numbers: list[int]) -> int:
    """A modest task."""
    return sum(numbers)


@task(requests=Resources(cpu="8", mem="64Gi", gpu="1"))
def train(total: int) -> int:
    """Needs a big machine with a GPU; runs on a laptop, too, without one."""
    return total * 2


@workflow
def resources_wf(numbers: list[int] = [1, 2, 3]) -> int:  # noqa: B006
    """Add up, then train; the first node asks for more than its task does by itself.

    :param numbers: to add.
    :return: twice their sum.
    """
    total = sum_up(numbers=numbers).with_overrides(
        requests=Resources(cpu="1", mem="300Mi"), limits=Resources(cpu="1", mem="500Mi")
    )
    return train(total=total)
