"""Where things are: the checkout that is measured, its interpreters, and the environment for processes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
SOURCES = tuple(CHECKOUT / name / "src" for name in ("sandbox", "provider", "scripts"))
MEASURED = Path(__file__).parent / "measured"
"""Workflows that are measured; they are copied before use, because clients look around in their folder."""

_LEFT_OUT = ("AIRFLYTE_", "AIRFLOW_", "FLYTE", "PYTHON", "VIRTUAL_ENV", "MAKE", "MFLAGS")


def interpreter(name: str, checkout: Path = CHECKOUT) -> Path:
    """The interpreter of an environment of the stack; the developers' one where that is not made."""
    found = [checkout / ".airflyte" / "envs" / each / "bin" / "python" for each in (name, "dev")]
    return next((path for path in found if path.exists()), found[0])


def program(environment: str, name: str) -> Path:
    """A program of an environment, such as ``pyflyte`` of ``workflows``."""
    return interpreter(environment).parent / name


def plain_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The caller's variables without those that would change what runs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_LEFT_OUT)}
    return {"LANG": "C.UTF-8", **kept, **(more or {})}


def own_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """For processes that import our packages: those of this checkout, installed or not."""
    return plain_environment({"PYTHONPATH": os.pathsep.join(map(str, SOURCES)), **(more or {})})
