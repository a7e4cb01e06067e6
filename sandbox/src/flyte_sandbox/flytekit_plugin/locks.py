"""Reads ``uv.lock`` and ``poetry.lock`` as lines of requirements: the main packages, in the locked versions.

What no line can say (a package in a folder, or from a repository) is refused: a requirements file can.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import tomllib
from flytekit.image_spec.image_spec import ImageSpec


def read_lock(spec: ImageSpec) -> list[str]:
    """:raises ValueError: the lock cannot be read like this, or packages are named besides."""
    path = Path(spec.requirements)
    if spec.packages:
        raise ValueError(f"ImageSpec takes packages or a {path.name}, not both.")
    if path.name not in _READERS:
        raise ValueError(f"ImageSpec knows uv.lock and poetry.lock, and no {path.name}.")
    lock = tomllib.loads(path.read_text(encoding="utf-8"))
    return sorted(_READERS[path.name](lock, path))


def _read_poetry(lock: dict[str, Any], path: Path) -> Iterator[str]:
    """Source: https://python-poetry.org: ``groups`` and ``markers`` since version 2 of Poetry."""
    for package in lock.get("package", []):
        if package.get("optional") or "main" not in package.get("groups", [package.get("category", "main")]):
            continue
        if package.get("source", {}).get("type", "legacy") != "legacy":
            raise _cannot(package, path)
        markers = package.get("markers", "")
        markers = markers.get("main", "") if isinstance(markers, dict) else markers
        yield _line(package, markers)


def _read_uv(lock: dict[str, Any], path: Path) -> Iterator[str]:
    """What the project needs, and what that needs; extras and development groups are left out."""
    packages = {(package["name"], package.get("version")): package for package in lock.get("package", [])}
    projects = [package for package in packages.values() if _is_project(package)]
    waiting: list[tuple[dict[str, Any], tuple[str, ...]]]
    waiting = [(each, ()) for project in projects for each in project.get("dependencies", [])]
    seen: set[str] = set()
    while waiting:
        dependency, outer = waiting.pop()
        package = _find(packages, dependency)
        markers = (*outer, dependency["marker"]) if "marker" in dependency else outer
        line = _line(package, " and ".join(f"({marker})" for marker in dict.fromkeys(markers)))
        if _is_project(package) or line in seen:
            continue
        if "registry" not in package.get("source", {}):
            raise _cannot(package, path)
        seen.add(line)
        extras = [each for extra in dependency.get("extra", []) for each in _extra(package, extra)]
        waiting += [(each, markers) for each in [*package.get("dependencies", []), *extras]]
    yield from seen


def _is_project(package: dict[str, Any]) -> bool:
    return bool({"virtual", "editable"} & set(package.get("source", {})))


def _find(packages: dict[tuple[str, str | None], dict[str, Any]], wanted: dict[str, Any]) -> dict[str, Any]:
    """A version is only given where there are several."""
    if "version" in wanted:
        return packages[wanted["name"], wanted["version"]]
    return next(package for (name, _), package in packages.items() if name == wanted["name"])


def _extra(package: dict[str, Any], extra: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = package.get("optional-dependencies", {}).get(extra, [])
    return found


def _line(package: dict[str, Any], marker: str) -> str:
    pinned = f"{package['name']}=={package.get('version', '')}"
    return f"{pinned} ; {marker}" if marker else pinned


def _cannot(package: dict[str, Any], path: Path) -> ValueError:
    return ValueError(f"{path.name} has {package['name']} from no index; use a file of requirements.")


_READERS: dict[str, Callable[[dict[str, Any], Path], Iterator[str]]] = {
    "poetry.lock": _read_poetry,
    "uv.lock": _read_uv,
}
