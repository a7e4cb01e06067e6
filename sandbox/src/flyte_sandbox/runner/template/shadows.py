"""What a folder on PYTHONPATH has that a template, which loaded without it, could not know of: modules that
it would put before those of the environment, and entry points.
"""

from __future__ import annotations

import configparser
import importlib.machinery
import os
from collections.abc import Iterable

_SUFFIXES = tuple(sorted(importlib.machinery.all_suffixes(), key=len, reverse=True))
_METADATA = (".dist-info", ".egg-info")
_SCRIPTS = frozenset({"console_scripts", "gui_scripts"})


def top_level_names(folders: Iterable[str]) -> set[str]:
    """:return: names of modules and packages; not of folders without ``__init__``, which come last."""
    return {name for folder in folders for entry in _entries(folder) if (name := _module_name(entry))}


def entry_point_groups(folders: Iterable[str]) -> set[str]:
    """:return: what packages in these folders extend; programs that they would install do not count."""
    found = [
        os.path.join(entry.path, "entry_points.txt")
        for folder in folders
        for entry in _entries(folder)
        if entry.name.endswith(_METADATA)
    ]
    return {group for path in found for group in _groups_in(path)} - _SCRIPTS


def _groups_in(path: str) -> list[str]:
    parser = configparser.ConfigParser(delimiters="=", interpolation=None, strict=False)
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return []  # nor do those who look for entry points find any here
    return parser.sections()


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
