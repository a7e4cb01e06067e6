"""The lock files of the environments: what they are made from, how, and whether they still are that.

A lock pins every package by version and hash for CPython 3.11 and 3.12 on every platform, and names no index.
``dev`` is compiled first; the others take their versions from it, so that what the tests saw is what runs.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from airflyte import uv
from airflyte.errors import AirflyteError

INPUTS: dict[str, tuple[str, ...]] = {
    "dev": ("sandbox", "provider", "scripts"),
    "sandbox": ("sandbox", "scripts"),
    "airflow": ("provider",),
    "workflows": (),
    "uv": (),
}
"""By lock, in the order of compiling: the packages of ours whose dependencies go in beside ``<name>.in``."""

_FROM_DEV = ("sandbox", "airflow", "workflows")
_DIGEST = re.compile(r"# inputs sha256:([0-9a-f]{64})\n")
_ENTRY = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^ ;\\]+)", re.MULTILINE)


def folder(checkout: Path) -> Path:
    """Where the locks and their inputs lie."""
    return checkout / "deploy" / "environments"


def stale(checkout: Path) -> list[str]:
    """The locks whose inputs have changed since they were compiled; needs neither uv nor network."""
    return [name for name in INPUTS if _digest_in(_lock(checkout, name)) != digest(checkout, name)]


def digest(checkout: Path, name: str) -> str:
    """A hash of everything that a lock is compiled from, apart from the indexes."""
    wanted = [*_requirements(folder(checkout) / f"{name}.in")]
    for package in INPUTS[name]:
        with (checkout / package / "pyproject.toml").open("rb") as file:
            wanted += tomllib.load(file)["project"].get("dependencies", [])
    return hashlib.sha256("\n".join(wanted).encode()).hexdigest()


def entries(lock: Path) -> list[tuple[str, str]]:
    """Name and version of everything in a lock; a name can occur more than once, with different markers."""
    return [(name, version) for name, version in _ENTRY.findall(lock.read_text(encoding="utf-8"))]


def compile_lock(checkout: Path, name: str, tool: uv.Uv, log: Path, *, upgrade: bool = False) -> None:
    """Compile one lock anew; versions that still fit stay as they are.

    :param upgrade: take the newest versions that the inputs allow instead.
    :raises AirflyteError: when the inputs contradict each other or an index does not answer.
    """
    lock = _lock(checkout, name)
    sources = [checkout / package / "pyproject.toml" for package in INPUTS[name]]
    constraints = ["--constraint", str(_lock(checkout, "dev"))] if name in _FROM_DEV else []
    how = ["--universal", "--python-version", "3.11", "--only-binary", ":all:", "--generate-hashes"]
    quiet = ["--no-emit-index-url", "--no-header", "--no-annotate", "--quiet"]
    upgrading = ["--upgrade"] if upgrade and not constraints else []
    files = [str(folder(checkout) / f"{name}.in"), *map(str, sources), "--output-file", str(lock)]
    if tool.run(["pip", "compile", *how, *quiet, *upgrading, *constraints, *files], log=log) != 0:
        raise AirflyteError(f"{lock.name} could not be compiled: {uv.failure(log) or 'uv failed'}.", log=log)
    text = _DIGEST.sub("", lock.read_text(encoding="utf-8"))
    lock.write_text(f"# inputs sha256:{digest(checkout, name)}\n{text}", encoding="utf-8")


def _lock(checkout: Path, name: str) -> Path:
    return folder(checkout) / f"{name}.txt"


def _digest_in(lock: Path) -> str | None:
    try:
        with lock.open(encoding="utf-8") as file:
            found = _DIGEST.fullmatch(file.readline())
    except FileNotFoundError:
        return None
    return found[1] if found else None


def _requirements(path: Path) -> Iterator[str]:
    """The lines of an input without comments, files that it includes in their place."""
    for line in path.read_text(encoding="utf-8").splitlines():
        text = line.partition(" #")[0].strip()
        if text.startswith("-r "):
            yield from _requirements(path.parent / text[3:].strip())
        elif text and not text.startswith("#"):
            yield text
