"""The small verbs: shell, open, clean, and the client configuration that they hand out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from airflyte import flyte_config, ports, settings
from airflyte.errors import AirflyteError
from airflyte.settings import Settings
from airflyte.verbs import clean, open, shell

from .conftest import SOURCE


@pytest.fixture
def stack(checkout: Path) -> Settings:
    loaded = settings.load(checkout, {"AIRFLYTE_PORT_OFFSET": "100"})
    for name in shell.ON_PATH:
        (loaded.folder.environments / name / "bin").mkdir(parents=True)
    return loaded


def test_the_shell_finds_the_stacks_programs_and_configuration(stack: Settings) -> None:
    caller = {"PATH": "/usr/bin:/bin", "VIRTUAL_ENV": "/x", "PYTHONPATH": "/y", "HOME": "/home/me"}
    variables = shell.environment(stack, caller)
    first, second, third, *rest = variables["PATH"].split(":")
    places = [stack.folder.environments / name / "bin" for name in ("workflows", "airflow", "sandbox")]
    assert [first, second, third] == [str(place) for place in places]
    assert rest == ["/usr/bin", "/bin"]
    assert variables["FLYTECTL_CONFIG"] == str(stack.folder.flyte_config)
    assert variables["AIRFLOW_HOME"] == str(stack.folder.airflow_home)
    assert variables["HOME"] == "/home/me"
    assert {"VIRTUAL_ENV", "PYTHONPATH", "AIRFLYTE_STACK"} & variables.keys() == set()


def test_the_shell_runs_a_command_and_has_its_exit_code(stack: Settings) -> None:
    program = stack.folder.environments / "workflows" / "bin" / "pyflyte"
    program.write_text('#!/bin/sh\necho "$FLYTECTL_CONFIG" "$@"\nexit 3\n')
    program.chmod(0o755)
    code = (
        "import argparse, pathlib, sys; from airflyte import settings; from airflyte.verbs import shell;"
        "loaded = settings.load(pathlib.Path(sys.argv[1]), {});"
        "sys.exit(shell.run(argparse.Namespace(command=['pyflyte', 'run', 'a b']), loaded))"
    )
    command = [sys.executable, "-c", code, str(stack.checkout)]
    environ = {**os.environ, "PYTHONPATH": str(SOURCE)}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stdout == f"{stack.folder.flyte_config} run a b\n"


def test_the_shell_needs_environments(checkout: Path) -> None:
    with pytest.raises(AirflyteError, match="type make up"):
        shell.environment(settings.load(checkout, {}), {})


def test_flytekit_reads_the_client_configuration(stack: Settings) -> None:
    """In a process of its own: flytekit takes seconds to import and warns a lot."""
    path = flyte_config.write(stack)
    code = (
        "import sys; from flytekit.configuration import Config; c = Config.auto(sys.argv[1]);"
        "print(c.platform.endpoint, c.platform.insecure, c.data_config.s3.endpoint,"
        " c.data_config.s3.access_key_id, c.data_config.s3.secret_access_key)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [
        "localhost:30180",
        "True",
        "http://localhost:30102",
        "minio",
        "miniostorage",
    ]


def test_open_shows_the_pages_of_what_runs(
    stack: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import argparse

    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr(open, "has_browser", lambda: True)
    monkeypatch.setattr(ports, "is_busy", lambda port: port == 30180)
    assert open.run(argparse.Namespace(page=None), stack) == 0
    assert opened == ["http://localhost:30180/console"]
    assert capsys.readouterr().out == "http://localhost:30180/console\n"
    with pytest.raises(AirflyteError, match="not running; type make up"):
        open.run(argparse.Namespace(page="airflow"), stack)


def test_clean_removes_caches_and_outputs_and_nothing_else(checkout: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside" / "__pycache__"
    outside.mkdir(parents=True)
    removed = ("a/__pycache__", ".mypy_cache", "pkg/dist", "pkg/src/x.egg-info", "pkg/tests/.hypothesis")
    kept = ("data/build", ".airflyte/envs/dev/__pycache__", ".git/dist", ".venv/__pycache__", "pkg/src/dist")
    for name in (*removed, *kept):
        (checkout / name).mkdir(parents=True)
    (checkout / "pkg" / "pyproject.toml").touch()
    (checkout / "link").symlink_to(outside.parent)
    (checkout / "b").mkdir()
    (checkout / "b" / "__pycache__").symlink_to(outside)
    assert sorted(clean.find(checkout)) == sorted(checkout / name for name in removed)
