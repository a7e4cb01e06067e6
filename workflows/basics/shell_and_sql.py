"""Tasks without Python of yours: shell scripts and SQL.

A ``ShellTask`` is a script in which inputs and outputs are filled in; a ``SQLite3Task`` is a query over a
database file. Both run in the ordinary image, by a small program that is part of flytekit.
"""

from pathlib import Path

import flytekit
import pandas as pd
from flytekit import kwtypes, task, workflow
from flytekit.extras.sqlite3.task import SQLite3Config, SQLite3Task
from flytekit.extras.tasks.shell import OutputLocation, ShellTask
from flytekit.types.file import FlyteFile

# A cluster needs an address that its tasks reach, such as s3://…; the sandbox's tasks run on the machine that
# registers, where a path will do.
DATABASE = Path(__file__).with_name("trips.sqlite3")

find_trips = SQLite3Task(
    name="basics.shell_and_sql.find_trips",
    query_template="SELECT city, count(*) AS n FROM trips WHERE miles >= {{ .inputs.miles }} GROUP BY city",
    inputs=kwtypes(miles=float),
    output_schema_type=pd.DataFrame,
    task_config=SQLite3Config(uri=str(DATABASE)),
)

shout = ShellTask(
    name="basics.shell_and_sql.shout",
    script="tr '[:lower:]' '[:upper:]' < {inputs.text} > {outputs.shouted}",
    inputs=kwtypes(text=FlyteFile),
    output_locs=[OutputLocation(var="shouted", var_type=FlyteFile, location="{inputs.text}.shouted")],
)


@task
def write(text: str) -> FlyteFile:
    """A file for the script."""
    path = Path(flytekit.current_context().working_directory, "text.txt")
    path.write_text(text, encoding="utf-8")
    return FlyteFile(str(path))


@task
def read(file: FlyteFile) -> str:
    """What the script has written."""
    return Path(file.download()).read_text(encoding="utf-8")


@workflow
def shell_wf(text: str = "hello") -> str:
    """Write, shout, read.

    :param text: in lower case.
    :return: in upper case.
    """
    return read(file=shout(text=write(text=text)))


@task
def count(trips: pd.DataFrame) -> dict[str, int]:
    """The rows of the query's result."""
    return {str(city): int(number) for city, number in zip(trips["city"], trips["n"], strict=True)}


@workflow
def sql_wf(miles: float = 2.0) -> dict[str, int]:
    """Ask a database.

    :param miles: shorter trips do not count.
    :return: how many trips there were in each city.
    """
    return count(trips=find_trips(miles=miles))
