"""The interpreter is the one asked for, or the first that fits; what does not fit has a reason."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from airflyte import interpreters
from airflyte.errors import AirflyteError


def fake(folder: Path, name: str, answer: str) -> Path:
    """A program that answers like an interpreter being looked at."""
    program = folder / name
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{answer}\nEND\n")
    program.chmod(0o755)
    return program


def answer(version: str = "[3, 12, 1]", **changes: str) -> str:
    seen = {
        "implementation": '"CPython"',
        "executable": '"/fake/python"',
        "bits": "64",
        "missing": "[]",
        **changes,
    }
    return (
        "{" + f'"version": {version}, ' + ", ".join(f'"{key}": {value}' for key, value in seen.items()) + "}"
    )


def test_this_interpreter_fits_and_its_base_is_named() -> None:
    found = interpreters.look_at(sys.executable)
    assert found.fits
    assert found.path == os.path.realpath(sys._base_executable)
    assert found.version == sys.version_info[:3]


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (answer("[3, 10, 4]"), "Python 3.10.4"),
        (answer("[3, 13, 0]"), "Python 3.13.0"),
        (answer(implementation='"PyPy"'), "PyPy, not CPython"),
        (answer(bits="32"), "32-bit"),
        (answer(missing='["ssl", "sqlite3"]'), "without ssl and sqlite3"),
        ("nonsense", "does not run"),
    ],
)
def test_what_does_not_fit_has_a_reason(said: str, problem: str, tmp_path: Path) -> None:
    found = interpreters.look_at(str(fake(tmp_path, "python", said)))
    assert (found.problem, found.fits) == (problem, False)


def test_the_first_candidate_that_fits_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(tmp_path, "python3.12", answer(missing='["ssl"]'))
    fake(tmp_path, "python3.11", answer("[3, 11, 2]", executable='"/eleven"'))
    fake(tmp_path, "python3", answer(executable='"/three"'))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    chosen = interpreters.choose(None)
    assert chosen
    assert chosen.path == "/eleven"


def test_the_one_that_is_asked_for_wins_over_all(tmp_path: Path) -> None:
    asked = fake(tmp_path, "mine", answer(executable='"/mine"'))
    assert interpreters.find(str(asked), pytest.fail) == "/mine"


@pytest.mark.parametrize("said", [None, answer("[3, 9, 1]")])
def test_the_one_that_is_asked_for_is_never_replaced(said: str | None, tmp_path: Path) -> None:
    asked = str(fake(tmp_path, "mine", said)) if said else str(tmp_path / "none")
    with pytest.raises(AirflyteError, match=r"AIRFLYTE_PYTHON asks for .* needs CPython 3\.11 or 3\.12"):
        interpreters.find(asked, pytest.fail)


def test_when_none_fits_one_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(fake(tmp_path, "old", answer("[3, 9, 1]"))))
    assert interpreters.find(None, lambda: "/installed") == "/installed"


def test_when_none_fits_and_none_can_be_had_it_says_what_was_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = fake(tmp_path, "python3", answer("[3, 9, 1]", executable='"/usr/bin/python3.9"'))
    monkeypatch.setattr(sys, "executable", str(old))
    monkeypatch.setenv("PATH", f"{tmp_path}:{Path(shutil.which('cat') or '/bin/cat').parent}")
    monkeypatch.setattr(interpreters, "CANDIDATES", ("python3", "python3.1"))
    with pytest.raises(AirflyteError) as caught:
        interpreters.find(None, lambda: None)
    assert "Found: /usr/bin/python3.9 (Python 3.9.1); python3.1 (not found). Needed: CPython 3.11" in str(
        caught.value
    )


def test_a_virtual_environment_stands_for_its_base(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "v"], check=True)
    assert interpreters.look_at(str(tmp_path / "v" / "bin" / "python")).path == os.path.realpath(
        sys._base_executable
    )
