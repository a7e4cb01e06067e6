"""Files and directories: a task works on paths, Flyte moves the data.

A ``FlyteFile`` that a task returns is uploaded to the bucket, one that a task gets is downloaded when it is
opened. Between tasks only the address travels. Write below the working directory that Flyte gives; the
current folder belongs to your code.
"""

from pathlib import Path

import flytekit
from flytekit import task, workflow
from flytekit.types.directory import FlyteDirectory
from flytekit.types.file import FlyteFile


@task
def write_poem(lines: list[str]) -> FlyteFile:
    """Return a path, and the file behind it becomes the output."""
    path = Path(flytekit.current_context().working_directory, "poem.txt")
    path.write_text("\n".join(lines), encoding="utf-8")
    return FlyteFile(str(path))


@task
def split_lines(poem: FlyteFile) -> FlyteDirectory:
    """``open`` downloads the file; a directory is uploaded with everything in it."""
    folder = Path(flytekit.current_context().working_directory, "lines")
    folder.mkdir()
    with open(poem, encoding="utf-8") as file:
        for number, line in enumerate(file):
            (folder / f"{number}.txt").write_text(line.strip(), encoding="utf-8")
    return FlyteDirectory(str(folder))


@task
def measure(lines: FlyteDirectory) -> dict[str, int]:
    """``download`` brings the whole directory here."""
    folder = Path(lines.download())
    return {path.name: len(path.read_text(encoding="utf-8")) for path in sorted(folder.iterdir())}


@workflow
def files_wf(
    lines: list[str] = ["Tyger Tyger, burning bright,", "In the forests of the night"],  # noqa: B006
) -> tuple[FlyteFile, FlyteDirectory, dict[str, int]]:
    """Write a file, split it into a directory, measure what is in it.

    :param lines: of the poem.
    :return: the poem, a file for each line, and their lengths.
    """
    poem = write_poem(lines=lines)
    split = split_lines(poem=poem)
    return poem, split, measure(lines=split)
