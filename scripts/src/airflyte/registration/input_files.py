"""Files that become defaults of launch plans, as a ``launch_plan_defaults.toml`` beside a workflow declares.

A default path in Python would be a path on the machine that registers. These files are uploaded instead, and
the address that Flyte answers becomes the default. This module reads the declarations; it knows no Flyte.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from airflyte.errors import AirflyteError

FILE_NAME = "launch_plan_defaults.toml"


@dataclasses.dataclass(frozen=True)
class InputFile:
    """One declaration.

    :param workflow: the name of the workflow whose launch plans get the default.
    :param input: the name of its input.
    :param path: the file itself.
    :param declared_in: the declaration's file, relative to the source root, for messages.
    """

    workflow: str
    input: str
    path: Path
    declared_in: str


def read_input_files(root: Path, sources: Iterable[PurePosixPath]) -> list[InputFile]:
    """All declarations among the sources.

    :raises AirflyteError: for a declaration that makes no sense, or a file that is not there.
    """
    declarations = (path for path in sources if path.name == FILE_NAME)
    return [entry for path in declarations for entry in _read(root, path)]


def _read(root: Path, path: PurePosixPath) -> list[InputFile]:
    place = f"{root.name}/{path}"
    try:
        content = tomllib.loads((root / path).read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AirflyteError(f"{place} is not valid TOML: {error}.") from error
    entries = content.get("file")
    if set(content) != {"file"} or not isinstance(entries, list):
        raise AirflyteError(f"{place} must consist of [[file]] entries and nothing else.")
    return [_parse(entry, (root / path).parent, place) for entry in entries]


def _parse(entry: dict[str, Any], folder: Path, place: str) -> InputFile:
    keys = {"workflow", "input", "path"}
    if set(entry) != keys or not all(isinstance(value, str) for value in entry.values()):
        raise AirflyteError(
            f"A [[file]] in {place} needs the texts workflow, input and path, and only those."
        )
    file = folder / entry["path"]
    if not file.is_file():
        raise AirflyteError(f"{place} names {entry['path']}, and there is no such file in {folder}.")
    return InputFile(entry["workflow"], entry["input"], file, place)
