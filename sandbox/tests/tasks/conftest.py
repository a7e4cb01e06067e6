"""A sandbox for all tests of this folder that need no settings of their own, and one for each that does."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flyte_sandbox.testing import running_sandbox

from .launching import DOMAIN, PROJECT, PYTHON, Tasks, connect

if TYPE_CHECKING:
    from flytekit.remote import FlyteRemote

EXAMPLES = Path(__file__).parent / "examples"
MakeTasks = Callable[..., Tasks]


@pytest.fixture(scope="session")
def tasks() -> Iterator[Tasks]:
    with running_sandbox() as sandbox:
        channel, tasks = connect(sandbox)
        with channel:
            yield tasks


@pytest.fixture
def make_tasks() -> Iterator[MakeTasks]:
    """Tasks of a sandbox with the given fields of its configuration; ended with the test."""
    with ExitStack() as stack:

        def make(**options: Any) -> Tasks:
            channel, tasks = connect(stack.enter_context(running_sandbox(**options)))
            stack.enter_context(channel)
            return tasks

        yield make


@pytest.fixture(scope="session")
def remote(tasks: Tasks) -> FlyteRemote:
    """flytekit's client of the session's sandbox."""
    from flytekit.configuration import Config, PlatformConfig
    from flytekit.remote import FlyteRemote

    platform = PlatformConfig(endpoint=f"localhost:{tasks.sandbox.port}", insecure=True)
    return FlyteRemote(Config(platform), PROJECT, DOMAIN)


@pytest.fixture(scope="session")
def registered(tasks: Tasks, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The version of the examples, registered by the stock ``pyflyte``; their database has three songs."""
    folder = tmp_path_factory.mktemp("examples")
    shutil.copytree(EXAMPLES, folder / "examples")
    with sqlite3.connect(folder / "songs.db") as database:
        database.execute("create table songs (name text, year integer)")
        database.executemany("insert into songs values (?, ?)", [("c", 1999), ("b", 2001), ("a", 2005)])
    database.close()
    shells = folder / "examples/shells.py"
    shells.write_text(shells.read_text().replace("PLACE_OF_THE_DATABASE", str(folder / "songs.db")))
    (folder / "config.yaml").write_text(
        f"admin:\n  endpoint: localhost:{tasks.sandbox.port}\n  insecure: true\n"
    )
    command = [PYTHON.parent / "pyflyte", "-c", folder / "config.yaml", "register", "--version", "v1"]
    done = subprocess.run(
        [*command, "-p", PROJECT, "-d", DOMAIN, "examples"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return "v1"
