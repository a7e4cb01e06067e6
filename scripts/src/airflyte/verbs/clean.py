"""``airflyte clean``: remove caches and build outputs; what ``reset`` removes stays."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from airflyte.settings import STATE_NAME, Settings

HELP = "remove caches and build outputs; the state stays"

CACHES = frozenset(
    {"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis", ".import_linter_cache"}
)
OUTPUTS = frozenset({"dist", "build"})
"""Removed only beside a ``pyproject.toml``: elsewhere a folder of that name is somebody's own."""
NOT_ENTERED = frozenset({".git", ".venv", "node_modules", STATE_NAME})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None."""


def run(args: argparse.Namespace, settings: Settings) -> int:
    """Remove them; no link is followed."""
    count = 0
    for path in list(find(settings.checkout)):
        shutil.rmtree(path)
        count += 1
    sys.stdout.write(f"{count} folders removed\n")
    return 0


def find(checkout: Path) -> Iterator[Path]:
    """The folders that would be removed."""
    for folder, names, files in os.walk(checkout):
        removable = CACHES | (OUTPUTS if "pyproject.toml" in files else frozenset())
        for name in names:
            path = Path(folder, name)
            if not path.is_symlink() and (name in removable or name.endswith(".egg-info")):
                yield path
        names[:] = [name for name in names if name not in removable | NOT_ENTERED]
