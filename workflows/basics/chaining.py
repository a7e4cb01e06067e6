"""Chaining: an order between tasks that do not hand anything to each other.

Flyte runs a task as soon as its inputs are there, so tasks that share none run side by side. Where an order
is needed anyway, because one reads what the other wrote elsewhere, ``>>`` says so. A local run follows the
lines.
"""

from datetime import datetime, timezone

from flytekit import task, workflow


@task
def create_table(name: str) -> datetime:
    """Stands for work on a system that Flyte does not see."""
    print(f"create table {name}")  # noqa: T201 - the task's log is what this task is about
    return datetime.now(timezone.utc)


@task
def load_table(name: str) -> datetime:
    """Would fail without the table."""
    print(f"load table {name}")  # noqa: T201
    return datetime.now(timezone.utc)


@task
def check_table(name: str) -> datetime:
    """Comes last."""
    print(f"check table {name}")  # noqa: T201
    return datetime.now(timezone.utc)


@task
def are_in_order(times: list[datetime]) -> bool:
    """Whether one came after the other."""
    return times == sorted(times)


@workflow
def chaining_wf(name: str = "trips") -> bool:
    """Create, load and check, one after the other.

    :param name: of the table.
    :return: whether the tasks ran in that order.
    """
    created = create_table(name=name)
    loaded = load_table(name=name)
    checked = check_table(name=name)
    created >> loaded >> checked
    return are_in_order(times=[created, loaded, checked])
