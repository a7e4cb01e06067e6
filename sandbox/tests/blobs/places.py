"""A workflow whose values name places of the bucket in every way there is. Registered by ``test_moving``."""

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from flytekit import Deck, current_context, dynamic, eager, map_task, task, workflow
from flytekit.types.directory import FlyteDirectory
from flytekit.types.file import FlyteFile
from flytekit.types.schema import FlyteSchema
from flytekit.types.structured import StructuredDataset


@dataclass
class Report:
    model: FlyteFile
    where: str
    by_place: dict[str, int]
    folder: FlyteDirectory


@task
def write(text: str) -> FlyteFile:
    path = Path(current_context().working_directory) / "note.txt"
    path.write_text(text)
    return FlyteFile(str(path))


@task
def write_folder() -> FlyteDirectory:
    folder = Path(current_context().working_directory) / "folder"
    folder.mkdir()
    (folder / "one").write_text("1")
    return FlyteDirectory(str(folder))


@task(enable_deck=True)
def describe(file: FlyteFile, folder: FlyteDirectory) -> Report:
    place = str(Path(file))
    Deck(
        "places", f'<a href="file://{place}">{place}</a><script>var x = {json.dumps({"at": place})}</script>'
    )
    return Report(model=file, where=place, by_place={place: 1}, folder=folder)


@task
def collect(
    file: FlyteFile,
) -> tuple[list[FlyteFile], dict[str, FlyteFile], FlyteFile | None, int | FlyteFile, dict, str, str]:
    place = str(Path(file))
    as_json = json.dumps({"at": [place]}, indent=1)
    return [file, file], {"a": file}, file, file, {"at": {place: [place]}}, as_json, place


@task
def frames() -> tuple[pd.DataFrame, StructuredDataset, FlyteSchema]:
    frame = pd.DataFrame({"a": [1, 2, 3]})
    schema = FlyteSchema()
    schema.open().write(frame)
    return frame, StructuredDataset(dataframe=frame), schema


@task
def size(file: FlyteFile) -> int:
    return len(Path(file).read_text())


@task
def copied(file: FlyteFile) -> FlyteFile:
    return file


@dynamic
def spread(files: list[FlyteFile]) -> list[FlyteFile]:
    return [copied(file=file) for file in files]


@task(environment={"_F_L_MIN_SIZE_MB": "0"})
def in_a_file_of_its_own(file: FlyteFile) -> list[FlyteFile]:
    return [file, file]


@task
def read_all(files: list[FlyteFile]) -> int:
    assert all("://" not in str(Path(file)) for file in files)
    return sum(len(Path(file).read_text()) for file in files)


@task
def read_report(report: Report) -> int:
    return len(Path(report.model).read_text())


@workflow
def everywhere(
    text: str = "words",
) -> tuple[
    Report, list[FlyteFile], dict[str, FlyteFile], FlyteFile | None, int | FlyteFile, dict, str, str,
    pd.DataFrame, StructuredDataset, FlyteSchema, list[int], list[FlyteFile], int, list[FlyteFile], int,
]:  # fmt: skip
    file = write(text=text)
    report = describe(file=file, folder=write_folder())
    files, named, perhaps, either, loose, as_json, place = collect(file=file)
    frame, dataset, schema = frames()
    sizes = map_task(size)(file=files)
    again = spread(files=files)
    length = read_report(report=report)
    apart = in_a_file_of_its_own(file=file)
    total = read_all(files=apart)
    return (
        report, files, named, perhaps, either, loose, as_json, place,
        frame, dataset, schema, sizes, again, length, apart, total,
    )  # fmt: skip


@task(retries=1)
def refuse(file: FlyteFile) -> int:
    if Path(file).exists():
        raise ValueError(f"cannot make sense of {Path(file)}, nor of file://{Path(file)}")
    return 0


@workflow
def refused(text: str = "words") -> int:
    return refuse(file=write(text=text))


@eager
async def launches(text: str = "words") -> list[FlyteFile]:
    """What it gives to the executions that it launches lies in the bucket, by whatever name."""
    file = write(text=text)
    own = Path(current_context().working_directory) / "own.txt"
    own.write_text(text)
    found = copied(file=FlyteFile(str(own)))
    size(file=FlyteFile(str(Path(file))))
    return [file, found]
