"""A project of somebody else, whose tests use the fixtures, run by its own pytest."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from textwrap import dedent

_IS_INSTALLED = any(each.name == "flyte_sandbox" for each in entry_points(group="pytest11"))
PLUGIN = () if _IS_INSTALLED else ("-p", "flyte_sandbox.testing.fixtures")
"""Where the package is on the path and not installed, nothing names its plugin to pytest."""

WORKFLOWS = """
    from datetime import timedelta

    import pandas as pd
    from flytekit import sleep, task, workflow


    @task
    def greet(name: str) -> str:
        print("greeting", name)
        if not name:
            raise ValueError("nobody to greet")
        return f"hello {name}"


    @workflow
    def hello(name: str) -> str:
        return greet(name=name)


    @task
    def table() -> pd.DataFrame:
        return pd.DataFrame({"x": [1, 2, 3]})


    @workflow
    def tables() -> pd.DataFrame:
        return table()


    @workflow
    def patient(name: str) -> str:
        pause = sleep(timedelta(minutes=50))
        greeting = greet(name=name)
        pause >> greeting
        return greeting
"""


class Project:
    """:param folder: becomes the project."""

    def __init__(
        self, folder: Path, interpreter: Path = Path(sys.executable), options: tuple[str, ...] = PLUGIN
    ):
        self.folder = folder
        self.interpreter = interpreter
        self._command = [str(interpreter), "-m", "pytest", "-p", "no:cacheprovider", *options]
        (folder / "pytest.ini").write_text("[pytest]\n")
        self.write("greetings.py", WORKFLOWS)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(dedent(text))

    def pytest(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._command, *arguments],
            cwd=self.folder,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )
