"""Which files under ``workflows/`` are source code of Flyte tasks, and the version that follows from them.

What ships to a task is exactly what decides the version: a README, a test or a table changes neither.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from airflyte.errors import AirflyteError

FORMAT = 1
"""Raise it when registration itself changes what entities look like, so that they get a new version."""

NOT_SOURCE_FOLDERS = frozenset({"tests", "data", "__pycache__"})
NOT_SOURCE_SUFFIXES = frozenset({".md", ".pyc", ".pyo"})
VERSION_DIGITS = 10


def find_sources(root: Path) -> list[PurePosixPath]:
    """The source files below a folder, relative to it and in a fixed order.

    :raises AirflyteError: when there is no such folder.
    """
    if not root.is_dir():
        raise AirflyteError(f"There is no folder {root} to register workflows from.")
    return sorted(PurePosixPath(path.relative_to(root).as_posix()) for path in _walk(root))


def name_modules(root: Path, sources: Iterable[PurePosixPath]) -> list[str]:
    """The dotted names under which the Python files are imported, and their tasks registered.

    :raises AirflyteError: for a file that cannot be imported under the name that its path promises.
    """
    return [_name_module(root, path) for path in sources if path.suffix == ".py"]


def compute_version(root: Path, sources: Iterable[PurePosixPath], more: Mapping[str, bytes]) -> str:
    """The version of everything that is registered from these sources.

    :param more: what else decides what is registered, by name: the environment's lock, uploaded files.
    """
    digest = hashlib.sha256(f"format {FORMAT}\n".encode())
    contents = {f"source {path}": (root / path).read_bytes() for path in sources}
    for name, content in sorted({**contents, **more}.items()):
        digest.update(f"{name}\n{hashlib.sha256(content).hexdigest()}\n".encode())
    return f"v{digest.hexdigest()[:VERSION_DIGITS]}"


def _walk(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in NOT_SOURCE_FOLDERS and not name.startswith(".")]
        yield from (Path(folder, name) for name in names if _is_source(Path(folder, name)))


def _is_source(path: Path) -> bool:
    is_test = path.name == "conftest.py" or (path.name.startswith("test_") and path.suffix == ".py")
    return (
        path.is_file()
        and not path.name.startswith(".")
        and path.suffix not in NOT_SOURCE_SUFFIXES
        and not is_test
    )


def _name_module(root: Path, path: PurePosixPath) -> str:
    parts = [*path.parts[:-1], path.stem]
    unfit = next((part for part in parts if not part.isidentifier()), None)
    if unfit:
        raise AirflyteError(
            f"{root.name}/{path} cannot be imported, because {unfit!r} is no Python name; rename it, or move "
            "the file to a folder named data or tests."
        )
    _check_packages(root, path)
    return ".".join(parts[:-1] if path.stem == "__init__" else parts)


def _check_packages(root: Path, path: PurePosixPath) -> None:
    """flytekit names a task by the packages around it, and a folder without ``__init__.py`` is none."""
    for folder in list(path.parents)[:-1]:
        if not (root / folder / "__init__.py").is_file():
            raise AirflyteError(
                f"{root.name}/{folder} has no __init__.py, so tasks in {root.name}/{path} would get other "
                f"names than their path says; add an empty {root.name}/{folder}/__init__.py."
            )
