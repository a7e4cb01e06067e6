"""Which Python of a project becomes the tasks' environment."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from flyte_sandbox.cli.interpreters import find_interpreter


def make_interpreter(path: Path, has_flytekit: bool) -> Path:
    """A stand-in for a Python: it only answers whether flytekit is there."""
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\nexit {0 if has_flytekit else 1}\n")
    path.chmod(0o755)
    return path


def test_the_active_environment_is_first(tmp_path: Path) -> None:
    active = make_interpreter(tmp_path / "active/bin/python", has_flytekit=True)
    make_interpreter(tmp_path / ".venv/bin/python", has_flytekit=True)
    assert find_interpreter(tmp_path, {"VIRTUAL_ENV": str(tmp_path / "active")}) == active


def test_an_environment_without_flytekit_is_passed_over(tmp_path: Path) -> None:
    make_interpreter(tmp_path / "active/bin/python", has_flytekit=False)
    venv = make_interpreter(tmp_path / ".venv/bin/python", has_flytekit=True)
    assert find_interpreter(tmp_path, {"VIRTUAL_ENV": str(tmp_path / "active")}) == venv


@pytest.mark.parametrize("name", ["env", "deep/env"])
def test_uvs_own_name_for_the_environment_counts(tmp_path: Path, name: str) -> None:
    found = make_interpreter(tmp_path / name / "bin/python", has_flytekit=True)
    assert find_interpreter(tmp_path, {"UV_PROJECT_ENVIRONMENT": name}) == found


def test_this_interpreter_is_the_last_resort(tmp_path: Path) -> None:
    assert find_interpreter(tmp_path, {}) == Path(sys.executable)
