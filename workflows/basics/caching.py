"""Caching: a task that has run with the same inputs before is not run again.

The key is the task's name and interface, the cache's version, and the inputs. Change the version when the
code gives other results. ``ignored_inputs`` are not part of the key; ``serialize`` lets one of several
equal tasks run and the others wait for it. Files and dataframes count by their address, unless a
``HashMethod`` says what makes them equal.
"""

from typing import Annotated
from uuid import uuid4

import pandas as pd
from flytekit import Cache, HashMethod, task, workflow


def hash_table(table: pd.DataFrame) -> str:
    """Equal tables have equal hashes, wherever they lie."""
    return str(pd.util.hash_pandas_object(table).sum())


Table = Annotated[pd.DataFrame, HashMethod(hash_table)]


@task(cache=Cache(version="1.0", ignored_inputs=("comment",), serialize=True))
def expensive(number: int, comment: str) -> str:
    """A new id each time that it really runs; the comment changes nothing."""
    print(f"running for {number}: {comment}")  # noqa: T201 - the task's log is what this task is about
    return uuid4().hex


@task
def load(rows: int) -> Table:
    """Runs each time, and gives an equal table at another address."""
    return pd.DataFrame({"n": range(rows)})


@task(cache=Cache(version="1.0"))
def digest(table: pd.DataFrame) -> str:
    """Runs once for equal tables."""
    return f"{len(table)} rows, {uuid4().hex}"


@task
def are_equal(first: str, second: str) -> bool:
    """Whether both came from one run."""
    return first == second


@workflow
def caching_wf(number: int = 1, rows: int = 3) -> tuple[bool, bool]:
    """Ask twice for the same, and see that it was done once.

    :param number: the key of the first cache.
    :param rows: of the table, the key of the second.
    :return: True and True.
    """
    first = expensive(number=number, comment="first")
    second = expensive(number=number, comment="second")
    one, other = digest(table=load(rows=rows)), digest(table=load(rows=rows))
    first >> second
    one >> other
    return are_equal(first=first, second=second), are_equal(first=one, second=other)
