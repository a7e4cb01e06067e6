"""Tasks that are scripts and queries: flytekit runs them in a container as it runs any other."""

from __future__ import annotations

from flytekit import Resources, kwtypes, task, workflow
from flytekit.extras.sqlite3.task import SQLite3Config, SQLite3Task
from flytekit.extras.tasks.shell import OutputLocation, ShellTask, get_raw_shell_task
from flytekit.types.directory import FlyteDirectory
from flytekit.types.file import FlyteFile
from flytekit.types.structured import StructuredDataset

upper = ShellTask(
    name="shells.upper",
    debug=True,
    script="""
    set -e
    tr a-z A-Z < {inputs.text} > upper.txt
    mkdir -p parts && split -l 1 upper.txt parts/
    """,
    inputs=kwtypes(text=FlyteFile),
    output_locs=[
        OutputLocation(var="upper", var_type=FlyteFile, location="upper.txt"),
        OutputLocation(var="parts", var_type=FlyteDirectory, location="parts"),
    ],
)

fails = ShellTask(name="shells.fails", script="echo to stderr >&2; exit 3")

raw = get_raw_shell_task(name="shells.raw")


@task
def write() -> FlyteFile:
    with open("text.txt", "w") as file:
        file.write("one\ntwo\n")
    return FlyteFile("text.txt")


@task
def read(upper: FlyteFile, parts: FlyteDirectory) -> str:
    with open(upper) as file:
        return file.read() + str(len(FlyteDirectory.listdir(parts)))


@workflow
def shout() -> str:
    upper_text, parts = upper(text=write())
    return read(upper=upper_text, parts=parts)


@workflow
def failing() -> None:
    fails()


rows = SQLite3Task(
    name="shells.rows",
    query_template="select name from songs where year > {{ .inputs.year }} order by name",
    inputs=kwtypes(year=int),
    output_schema_type=StructuredDataset,
    task_config=SQLite3Config(uri="PLACE_OF_THE_DATABASE", compressed=False),
)


@task(requests=Resources(mem="300Mi"))
def names(found: StructuredDataset) -> list[str]:
    import pandas as pd

    return list(found.open(pd.DataFrame).all()["name"])


@workflow
def songs(year: int) -> list[str]:
    return names(found=rows(year=year))
