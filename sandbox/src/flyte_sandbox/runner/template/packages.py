"""Where modules come from, the environment's packages or user code, and whether their files changed."""

from __future__ import annotations

import importlib.util
import itertools
import os
import site
import sys
import sysconfig
import time
from typing import Any

_LOOK_AGAIN_SECONDS = 2.0


def package_folders() -> tuple[str, ...]:
    """The environment's site-packages. Editable packages are elsewhere, which makes them user code."""
    folders = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), *site.getsitepackages()}
    # Below a link modules know themselves by the link's path.
    both = {path for folder in folders for path in (folder, os.path.realpath(folder))}
    return tuple(sorted(path + os.sep for path in both))


def spec_of(module: Any) -> Any:
    """A module's spec, without waking a lazy module; None for things that are no modules."""
    try:
        return object.__getattribute__(module, "__dict__").get("__spec__")
    except (AttributeError, TypeError):
        return None


def is_loaded(module: Any) -> bool:
    """False for a lazy module that nobody has used yet."""
    return type(module) is not importlib.util._LazyModule  # type: ignore[attr-defined]


def origin_of(module: Any) -> str | None:
    """:return: the file of a loaded module; None for built-in and namespace modules."""
    spec = spec_of(module) if is_loaded(module) else None
    return spec.origin if spec is not None and spec.has_location else None


def loaded_names() -> frozenset[str]:
    return frozenset(name for name, module in list(sys.modules.items()) if is_loaded(module))


class Newcomers:
    """What is loaded after this was made.

    To look at every module would copy a good part of a template's memory into the fork that asks. New ones
    stand at the end of ``sys.modules``; only lazy ones may wake where they stand.
    """

    def __init__(self) -> None:
        self._count = len(sys.modules)
        self._lazy = [name for name, module in sys.modules.items() if not is_loaded(module)]

    def names_from(self, folders: tuple[str, ...]) -> list[str]:
        """Modules of the environment's packages, those first that others need."""
        more = max(0, len(sys.modules) - self._count)
        newest = list(itertools.islice(reversed(sys.modules), more))
        return [
            name
            for name in (*self._lazy, *reversed(newest))
            if (origin_of(sys.modules.get(name)) or "").startswith(folders)
        ]


class Packages:
    """The files behind the loaded modules, the standard library's left out.

    Installing changes what is in the folders of packages, or the files; an editor changes the files.
    """

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}
        self._entries = _entries(package_folders())
        self._looked_at = 0.0

    def remember(self) -> None:
        """Take the state of what is loaded now; what was remembered before keeps its earlier state."""
        for path in self._paths():
            self._seen.setdefault(path, _changed_at(path))

    def have_changed(self) -> bool:
        """Cheap enough for each fork: all files are looked at no more often than every two seconds."""
        if time.monotonic() - self._looked_at < _LOOK_AGAIN_SECONDS:
            return False
        self._looked_at = time.monotonic()
        if _entries(package_folders()) != self._entries:
            return True
        return any(_changed_at(path) != changed_at for path, changed_at in self._seen.items())

    def _paths(self) -> list[str]:
        library = os.path.realpath(sysconfig.get_path("stdlib")) + os.sep
        folders = package_folders()
        origins = {origin for module in list(sys.modules.values()) if (origin := origin_of(module))}
        return [path for path in origins if path.startswith(folders) or not path.startswith(library)]


def _entries(folders: tuple[str, ...]) -> frozenset[str]:
    names = {folder + name for folder in folders if os.path.isdir(folder) for name in os.listdir(folder)}
    return frozenset(name for name in names if not name.endswith("__pycache__"))


def _changed_at(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return -1
