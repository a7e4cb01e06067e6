"""Dataframes: tables between tasks, stored as Parquet.

``pandas.DataFrame`` works as it is. ``StructuredDataset`` opens the same table as another type of
dataframe, and ``Annotated`` names columns: a task then gets these and no others, and a missing one fails
before the task runs.
"""

from typing import Annotated

import pandas as pd
import pyarrow as pa
from flytekit import StructuredDataset, kwtypes, task, workflow

Ages = Annotated[StructuredDataset, kwtypes(name=str, age=int)]


@task
def load_people() -> pd.DataFrame:
    """A table with three columns."""
    return pd.DataFrame(
        {"name": ["Ada", "Grace", "Alan"], "age": [36, 85, 41], "city": ["London", "NY", "Wilmslow"]}
    )


@task
def select_ages(people: Ages, at_least: int) -> Ages:
    """Two columns arrive, as pandas; the result goes back as Arrow, which nobody downstream has to know."""
    table = people.open(pd.DataFrame).all()
    grown = table[table.age >= at_least].reset_index(drop=True)
    return StructuredDataset(dataframe=pa.Table.from_pandas(grown, preserve_index=False))


@task
def mean_age(people: pd.DataFrame) -> float:
    """A dataset goes where a dataframe is expected, and the other way round."""
    return float(people.age.mean())


@workflow
def dataframes_wf(at_least: int = 40) -> tuple[pd.DataFrame, float]:
    """Load, select, and take the mean.

    :param at_least: the age from which on people count.
    :return: who is left, and their mean age.
    """
    selected = select_ages(people=load_people(), at_least=at_least)
    return selected, mean_age(people=selected)
