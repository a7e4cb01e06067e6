"""A project of somebody else, installed editable in an environment of its own that has our wheel."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ..foreign import clean_environ, install_editable, make_environment
from .projects import Project

PYPROJECT = """
    [build-system]
    requires = ["hatchling"]
    build-backend = "hatchling.build"

    [project]
    name = "greetings"
    version = "1"

    [project.entry-points."greetings.words"]
    polite = "greetings.words:polite"

    [tool.hatch.build.targets.wheel]
    packages = ["src/greetings"]
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    python = make_environment(tmp_path, "flytekit", "pytest", "hatchling", "editables")
    folder = tmp_path / "project"
    for name in ("src/greetings", "tests"):
        (folder / name).mkdir(parents=True)
    # The installed package names its plugin to pytest.
    project = Project(folder, python, options=())
    (folder / "greetings.py").unlink()
    project.write("pyproject.toml", PYPROJECT)
    project.write("src/greetings/__init__.py", "")
    project.write("src/greetings/words.py", "def polite(name: str) -> str:\n    return f'good day, {name}'\n")
    install_editable(python, folder)
    return project


def test_its_workflows_run_in_its_own_interpreter(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PYTHONPATH", "VIRTUAL_ENV"):
        monkeypatch.delenv(name, raising=False)
    project.write(
        "src/greetings/workflows.py",
        """
        import sys
        from importlib.metadata import entry_points, version

        from flytekit import task, workflow

        from greetings.words import polite


        @task
        def greet(name: str) -> list[str]:
            # What only an installed project has.
            (found,) = entry_points(group="greetings.words")
            assert found.load() is polite
            return [polite(name), sys.prefix, version("greetings")]


        @workflow
        def hello(name: str) -> list[str]:
            return greet(name=name)
        """,
    )
    project.write(
        "tests/test_greetings.py",
        """
        import sys

        from greetings.workflows import hello


        def test_hello(flyte_remote):
            flyte_remote.fast_register_workflow(hello, version="1")
            execution = flyte_remote.execute(hello, inputs={"name": "you"}, version="1", wait=True)
            assert execution.outputs["o0"] == ["good day, you", sys.prefix, "1"]
        """,
    )
    done = project.pytest("tests")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    assert sandbox_of(project).is_relative_to(project.folder.parent / "venv")


def sandbox_of(project: Project) -> Path:
    """Which ``flyte_sandbox`` the project's interpreter imports."""
    command = [project.interpreter, "-c", "import flyte_sandbox; print(flyte_sandbox.__file__)"]
    done = subprocess.run(command, env=clean_environ(), capture_output=True, text=True, check=True)
    return Path(done.stdout)
