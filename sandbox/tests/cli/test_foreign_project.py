"""The command from the wheel, in a project of somebody else with an environment of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..foreign import clean_environ, make_environment
from .test_background import free_port

HELLO = """
import sys

from flytekit import task, workflow


@task
def greet(name: str) -> str:
    return f"hello {name} from {sys.prefix}"


@workflow
def hello(name: str) -> str:
    return greet(name=name)
"""


class Project:
    """:param folder: has its environment in ``.venv``, as most have."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        python = make_environment(folder, "flytekit")
        (folder / "venv").rename(folder / ".venv")
        self._bin = folder / ".venv" / "bin"
        assert python.name == "python"
        self.port, s3_port = free_port(), free_port()
        self._ports = ["--port", str(self.port), "--s3-port", str(s3_port)]
        (folder / "hello.py").write_text(HELLO)

    def type(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Without the environment being active: programs are named with their folder."""
        command = [str(self._bin / "python"), "-m", *words]
        environ = {**clean_environ(), **variables}
        return subprocess.run(
            command, cwd=self.folder, env=environ, capture_output=True, text=True, check=False
        )

    def up(self) -> subprocess.CompletedProcess[str]:
        return self.type("flyte_sandbox", "up", *self._ports)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    project = Project(tmp_path)
    yield project
    project.type("flyte_sandbox", "down")


def test_a_workflow_runs_with_the_projects_own_interpreter(project: Project) -> None:
    done = project.up()
    assert done.returncode == 0, done.stderr
    assert f"Tasks      run with {project.folder}/.venv/bin/python" in done.stdout
    (exported,) = (line for line in done.stdout.splitlines() if line.startswith("Clients"))
    variables = dict(word.split("=", 1) for word in exported.split()[2:])
    run = project.type(
        "flytekit.clis.sdk_in_container.pyflyte",
        *("run", "--remote", "--wait", "hello.py", "hello", "--name", "you"),
        **variables,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"http://localhost:{project.port}/console/" in run.stdout.replace("\n", "")
    assert (project.folder / ".flyte-sandbox").is_dir()
    assert project.type("flyte_sandbox", "status").returncode == 0
    assert project.type("flyte_sandbox", "down").stdout == "flyte-sandbox is down\n"
