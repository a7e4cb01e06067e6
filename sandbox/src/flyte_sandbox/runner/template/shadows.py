"""Which modules a folder on PYTHONPATH would put before those of the environment."""

from __future__ import annotations

import importlib.machinery
import os
from collections.abc import Iterable

_SUFFIXES = tuple(sorted(importlib.machinery.all_suffixes(), key=len, reverse=True))


def top_level_names(folders: Iterable[str]) -> set[str]:
    """:return: names of modules and packages; not of folders without ``__init__``, which come last."""
    return {name for folder in folders for entry in _entries(folder) if (name := _module_name(entry))}


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []  # Python ignores such folders too


def _module_name(entry: os.DirEntry[str]) -> str | None:
    if entry.is_dir():
        return (
            entry.name
            if any(os.path.exists(os.path.join(entry.path, "__init__" + s)) for s in _SUFFIXES)
            else None
        )
    return next((entry.name[: -len(suffix)] for suffix in _SUFFIXES if entry.name.endswith(suffix)), None)
