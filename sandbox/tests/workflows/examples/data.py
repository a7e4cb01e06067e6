"""Values of every common type, files, folders and data frames, from one task to the next."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
from flytekit import current_context, task, workflow
from flytekit.types.directory import FlyteDirectory
from flytekit.types.file import FlyteFile
from flytekit.types.structured import StructuredDataset


@dataclass
class Settings:
    depth: int = 3
    names: list[str] = field(default_factory=lambda: ["a", "b"])


@task
def make_file(text: str) -> FlyteFile:
    path = Path(current_context().working_directory) / "note.txt"
    path.write_text(text)
    return FlyteFile(str(path))


@task
def read_file(file: FlyteFile) -> str:
    return Path(file).read_text()


@workflow
def files(text: str = "over the bucket") -> tuple[FlyteFile, str]:
    file = make_file(text=text)
    return file, read_file(file=file)


@task
def make_folder() -> FlyteDirectory:
    folder = Path(current_context().working_directory) / "folder"
    folder.mkdir()
    (folder / "one").write_text("1")
    (folder / "two").write_text("2")
    return FlyteDirectory(str(folder))


@task
def count(folder: FlyteDirectory) -> int:
    return len(list(Path(folder).iterdir()))


@workflow
def folders() -> int:
    return count(folder=make_folder())


@task
def make_frame(rows: int) -> pd.DataFrame:
    return pd.DataFrame({"number": range(rows)})


@task
def total(frame: StructuredDataset) -> int:
    return int(frame.open(pd.DataFrame).all()["number"].sum())


@workflow
def frames(rows: int = 5) -> int:
    return total(frame=make_frame(rows=rows))


@task
def configure(depth: int) -> Settings:
    return Settings(depth=depth)


@task
def describe(
    settings: Settings,
    when: datetime,
    span: timedelta,
    ratio: float,
    flag: bool,
    numbers: list[int],
    by_name: dict[str, int],
    maybe: int | None,
) -> str:
    return (
        f"{settings.depth} {settings.names} {when:%Y-%m-%d} {span} {ratio} {flag} {numbers} {by_name} {maybe}"
    )


@workflow
def values(
    when: datetime,
    span: timedelta = timedelta(minutes=5),
    ratio: float = 0.5,
    flag: bool = True,
    numbers: list[int] = [1, 2],  # noqa: B006 - flytekit takes workflow defaults this way
    by_name: dict[str, int] = {"one": 1},  # noqa: B006
    maybe: int | None = None,
) -> tuple[str, int]:
    settings = configure(depth=7)
    text = describe(
        settings=settings,
        when=when,
        span=span,
        ratio=ratio,
        flag=flag,
        numbers=numbers,
        by_name=by_name,
        maybe=maybe,
    )
    return text, settings.depth
