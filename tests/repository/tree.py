"""The files of this checkout that belong to the repository."""

from __future__ import annotations

import functools
import os
import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


@functools.cache
def files(*suffixes: str) -> tuple[Path, ...]:
    """What is under version control or about to be, as absolute paths.

    :param suffixes: such as ``.py``; all files without any.
    """
    found = (CHECKOUT / name for name in (_listed_by_git() or _walked()))
    return tuple(
        sorted(path for path in found if path.is_file() and (not suffixes or path.suffix in suffixes))
    )


def name(path: Path) -> str:
    """A file's name in messages."""
    return path.relative_to(CHECKOUT).as_posix()


def _listed_by_git() -> list[str]:
    """Nothing where git is missing, or mistrusts a folder of another owner."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        found = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return []
    return [each for each in found.stdout.split("\0") if each]


def _walked() -> list[str]:
    """Without git: everything but what is hidden or compiled."""
    found = []
    for folder, folders, names in os.walk(CHECKOUT):
        folders[:] = [each for each in folders if not each.startswith(".") and each != "__pycache__"]
        found += [os.path.join(folder, each) for each in names]
    return found
