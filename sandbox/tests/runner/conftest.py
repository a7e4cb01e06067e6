"""A runner with its callbacks recorded, and the commands of Flyte tasks for it to run."""

from __future__ import annotations

import sys
import sysconfig
import textwrap
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cached_property
from pathlib import Path

import psutil
import pytest
from flyteidl.core import literals_pb2

import flyte_sandbox
from flyte_sandbox.runner import AttemptExit, AttemptSpec, ProcessRunner, TaskUsers
from flyte_sandbox.runner.environment import attempt_mark
from flyte_sandbox.runner.template import processes

from .. import waiting

LIMIT_SECONDS = 40.0


class Harness:
    """A runner in a folder of its own; a second one in the same folder is the server after a restart.

    The runner is made when it is first used.
    """

    def __init__(
        self,
        folder: Path,
        warm: bool = True,
        interpreter: Path | None = None,
        linger_seconds: float = 10.0,
        preload_after_seconds: float = 0.0,
        users: TaskUsers | None = None,
        idle_seconds: float = 300.0,
    ) -> None:
        self._idle_seconds = idle_seconds
        self.folder = folder
        self._users = users
        self.started: dict[str, datetime] = {}
        self.ends: list[AttemptExit] = []
        self._heard = threading.Condition()
        self._warm = warm
        self._linger_seconds = linger_seconds
        self._preload_after_seconds = preload_after_seconds
        self._interpreter = interpreter or Path(sys.executable)

    @cached_property
    def runner(self) -> ProcessRunner:
        return ProcessRunner(
            environments={
                "default": self._interpreter,
                "other": self._interpreter,
                "missing": self.folder / "no/python",
            },
            idle_seconds=self._idle_seconds,
            templates_folder=self.folder / "templates",
            mark=("AIRFLYTE_STACK", "test-stack"),
            warm=self._warm,
            grace_seconds=1.0,
            on_started=self._on_started,
            on_end=self._on_end,
            linger_seconds=self._linger_seconds,
            preload_after_seconds=self._preload_after_seconds,
            users=self._users,
        )

    def _on_started(self, key: str, at: datetime) -> None:
        with self._heard:
            assert key not in self.started
            self.started[key] = at
            self._heard.notify_all()

    def _on_end(self, ending: AttemptExit) -> None:
        with self._heard:
            self.ends.append(ending)
            self._heard.notify_all()

    def attempt_folder(self, key: str) -> Path:
        return self.folder / "attempts" / key

    def spec(self, key: str, *argv: str, environment: str = "default", **env: str) -> AttemptSpec:
        return AttemptSpec(key, self.attempt_folder(key), argv, env, environment)

    def python(self, key: str, code: str, **env: str) -> AttemptSpec:
        """An attempt that is no Flyte task: an interpreter of its own with this code."""
        return self.spec(key, "python", "-c", textwrap.dedent(code), **env)

    def task(self, key: str, source: str, entrypoint: str = "pyflyte-execute", **env: str) -> AttemptSpec:
        """A Flyte task ``t`` without inputs whose body is this code."""
        body = "from flytekit import task\n@task\ndef t():\n" + textwrap.indent(
            textwrap.dedent(source), "    "
        )
        return self.module(key, body, entrypoint, **env)

    def module(self, key: str, source: str, entrypoint: str = "pyflyte-execute", **env: str) -> AttemptSpec:
        """The Flyte task ``t`` of a module with this code."""
        code = self.folder / "code" / key
        code.mkdir(parents=True)
        (code / "user_tasks.py").write_text(textwrap.dedent(source))
        argv = self.execute(key, entrypoint, "user_tasks", "t")
        return self.spec(key, *argv, **{"PYTHONPATH": str(code), "FLYTE_INTERNAL_EXECUTION_ID": "e1", **env})

    def execute(self, key: str, entrypoint: str, module: str, task: str) -> list[str]:
        folder = self.attempt_folder(key)
        inputs = self.folder / "inputs.pb"
        inputs.write_bytes(literals_pb2.LiteralMap().SerializeToString())
        return [
            *(entrypoint, "--inputs", str(inputs), "--output-prefix", str(folder / "outputs")),
            *(
                "--raw-output-data-prefix",
                str(folder / "raw"),
                "--checkpoint-path",
                str(folder / "checkpoints"),
            ),
            *(
                "--prev-checkpoint",
                "",
                "--resolver",
                "flytekit.core.python_auto_container.default_task_resolver",
            ),
            *("--", "task-module", module, "task-name", task),
        ]

    def run(self, spec: AttemptSpec) -> AttemptExit:
        self.runner.start(spec)
        return self.wait_for_end(spec.key)

    def wait_for_start(self, key: str) -> datetime:
        with self._heard:
            assert self._heard.wait_for(lambda: key in self.started, LIMIT_SECONDS), f"{key} did not start"
        return self.started[key]

    def wait_for_end(self, key: str) -> AttemptExit:
        with self._heard:
            assert self._heard.wait_for(lambda: self.endings(key), LIMIT_SECONDS), f"{key} did not end"
        return self.endings(key)[0]

    def endings(self, key: str) -> list[AttemptExit]:
        return [ending for ending in self.ends if ending.key == key]

    def log(self, key: str) -> str:
        return (self.attempt_folder(key) / "log").read_text()

    def files(self, key: str) -> Path:
        """Where an attempt of these tests leaves notes: the runner removes its work folder."""
        return self.attempt_folder(key) / "outputs"

    def template_log(self) -> str:
        return (self.folder / "templates/default/log").read_text()

    def templates(self) -> list[psutil.Process]:
        """The living template processes of this folder."""
        return [p for p in psutil.process_iter() if self._is_template(p)]

    def _is_template(self, process: psutil.Process) -> bool:
        try:
            words, mark = process.cmdline(), process.environ().get(processes.MARK, "")
        except (psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied):
            return False
        is_ours = any(word.startswith(str(self.folder / "templates")) for word in words[2:3])
        return is_ours and set(mark) == {"0"}  # a forked attempt has the same command line

    def living(self, spec: AttemptSpec) -> set[int]:
        """The processes of an attempt, wherever they have gone."""
        return processes.members(-1, attempt_mark(spec))


Make = Callable[..., Harness]


class Environment:
    """A virtual environment with packages of its own, in which flytekit and the rest are "editable"."""

    def __init__(self, folder: Path) -> None:
        self.python = folder / "bin" / "python"
        self.packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
        self.python.parent.mkdir(parents=True)
        self.packages.mkdir(parents=True)
        home = Path(sys.executable).resolve()
        self.python.symlink_to(home)
        (folder / "pyvenv.cfg").write_text(f"home = {home.parent}\ninclude-system-site-packages = false\n")

    def add(self, name: str, source: str) -> None:
        path = self.packages / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(source))

    def lend_packages(self) -> None:
        """Those of this interpreter, and our own, a plugin of flytekit, which may be installed by a path."""
        sources = Path(flyte_sandbox.__file__).parents[1]
        self.add("lent.pth", f"{sysconfig.get_path('purelib')}\n{sources}\n")


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """One in which flytekit can be imported."""
    made = Environment(tmp_path / "env")
    made.lend_packages()
    return made


@pytest.fixture
def bare_environment(tmp_path: Path) -> Environment:
    """One with nothing but the standard library."""
    return Environment(tmp_path / "bare")


@pytest.fixture
def make_harness(tmp_path: Path) -> Iterator[Make]:
    """Makes harnesses that share a folder, for tests that end servers or templates."""
    made: list[Harness] = []

    def make(below: str = "", **settings: object) -> Harness:
        (tmp_path / below).mkdir(exist_ok=True)
        made.append(Harness(tmp_path / below, **settings))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for each in made:
        each.runner.close(stop_attempts=True)


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    """One warm template for all tests that leave it as it was."""
    harness = Harness(tmp_path_factory.mktemp("warm"))
    yield harness
    harness.runner.close(stop_attempts=True)


@pytest.fixture(scope="session")
def cold(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    harness = Harness(tmp_path_factory.mktemp("cold"), warm=False)
    yield harness
    harness.runner.close(stop_attempts=True)


@pytest.fixture(params=["warm", "cold"])
def either(request: pytest.FixtureRequest) -> Harness:
    """What holds for forked attempts holds for cold ones."""
    harness: Harness = request.getfixturevalue(request.param)
    return harness


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    """A key that no other test uses."""
    return "".join(c if c.isalnum() else "-" for c in request.node.name)


@pytest.fixture
def eventually() -> Callable[..., object]:
    return waiting.eventually
