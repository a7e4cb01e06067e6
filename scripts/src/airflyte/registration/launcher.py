"""Runs ``program`` in the environment of the workflows and follows it.

The other side of ``report``: JSON lines become progress and a result; everything else that the program,
flytekit or user code say goes to a log.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Protocol

from airflyte.errors import AirflyteError
from airflyte.settings import Settings

PROGRAM = Path(__file__).with_name("program.py")
LIMIT_SECONDS = 600.0


class Progress(Protocol):
    """Where a registration shows how far it is; :class:`airflyte.steps.Step` is one."""

    def say(self, text: str) -> None: ...

    def advance(self, done: float, total: float | None, text: str | None = None) -> None: ...


@dataclasses.dataclass(frozen=True)
class Target:
    """Where to register, and how, beyond the settings.

    :param config: a flytectl configuration file of any Flyte; None means this stack's own.
    :param image: the image of tasks that name none.
    :param version: instead of the one made from the content.
    :param is_forced: upload and register also what is there.
    :param python: an interpreter with flytekit; None means the environment "workflows".
    """

    config: Path | None = None
    image: str | None = None
    version: str | None = None
    is_forced: bool = False
    python: Path | None = None


@dataclasses.dataclass(frozen=True)
class Registered:
    """What is registered and active now.

    :param version: one for everything.
    :param entities: kind and name, as the program told.
    :param created: how many entities were not there before.
    :param activated: how many launch plans had another active version, or none, before.
    """

    version: str
    entities: tuple[tuple[str, str], ...]
    created: int
    activated: int

    @property
    def examples(self) -> list[str]:
        """The packages that workflows are in, without their parents: ``pima_diabetes``."""
        modules = [name.split(".")[:-1] for kind, name in self.entities if kind == "workflow"]
        return sorted({(module[:-1] or module)[-1] for module in modules if module})

    def __str__(self) -> str:
        """``basics v1a2b3c, pima_diabetes v1a2b3c``, and whether that is news."""
        names = ", ".join(f"{example} {self.version}" for example in self.examples)
        return names if self.created or self.activated else f"{names} (unchanged)"


def register(settings: Settings, progress: Progress, target: Target | None = None) -> Registered:
    """Register everything under ``workflows/``; at once when the server has this version.

    :raises AirflyteError: in the program's own words.
    """
    target = target or Target()
    log = settings.folder.logs / "register.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    settings.folder.run.mkdir(parents=True, exist_ok=True)
    # flytekit leaves folders behind wherever the temporary ones are.
    with tempfile.TemporaryDirectory(dir=settings.folder.run) as temporary, log.open("wb") as notes:
        environment = {**_environment(target, os.environ), "TMPDIR": temporary}
        with _running(_command(settings, target), environment, notes) as process:
            return _follow(process, progress, log)


def _command(settings: Settings, target: Target) -> list[str]:
    python = target.python or settings.folder.environments / "workflows" / "bin" / "python"
    if not python.exists():
        raise AirflyteError(f"There is no interpreter {python} to register with.", command="make setup")
    lock = settings.checkout / "deploy" / "environments" / "workflows.txt"
    options: dict[str, object | None] = {
        "--project": settings.flyte_project,
        "--domain": settings.flyte_domain,
        "--endpoint": None if target.config else f"localhost:{settings.ports.flyte}",
        "--config": target.config,
        "--image": target.image,
        "--version": target.version,
        "--lock": lock if lock.is_file() else None,
        "--plan-file": settings.state / "registration" / "plan.json",
    }
    given = [part for name, value in options.items() if value is not None for part in (name, str(value))]
    # -I: what PYTHONPATH adds here would be missing in every task. -B: nothing is written beside the sources.
    return [
        *(str(python), "-I", "-B", "-X", "utf8", str(PROGRAM), str(settings.checkout / "workflows")),
        *given,
        *(["--force"] if target.is_forced else []),
    ]


def _environment(target: Target, environ: Mapping[str, str]) -> dict[str, str]:
    """Without settings of flytekit when they cannot be meant for this stack."""
    if target.config:
        return dict(environ)
    return {name: value for name, value in environ.items() if not name.startswith(("FLYTE_", "FLYTECTL_"))}


@contextlib.contextmanager
def _running(
    command: list[str], environment: Mapping[str, str], notes: IO[bytes]
) -> Iterator[subprocess.Popen[str]]:
    """The program, for the length of the block, but no longer than the limit; nothing of it outlives that."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=notes,
        text=True,
        encoding="utf-8",
        env=environment,
        start_new_session=True,  # so that a limit or Ctrl-C ends what user code has started, too
    )
    timer = threading.Timer(LIMIT_SECONDS, _kill_session, [process])
    timer.start()
    try:
        yield process
    finally:
        timer.cancel()
        _kill_session(process)
        process.communicate()


def _kill_session(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _follow(process: subprocess.Popen[str], progress: Progress, log: Path) -> Registered:
    entities: list[tuple[str, str]] = []
    total = 0
    result: Registered | None = None
    for event in _events(process.stdout):
        kind = event["kind"]
        if kind == "progress":
            progress.say(event["text"])
        elif kind == "plan":
            total = event["total"]
        elif kind == "error":
            raise AirflyteError(event["message"], cause=event["cause"], command=event["command"])
        elif kind == "done":
            result = Registered(event["version"], tuple(entities), event["created"], event["activated"])
        else:
            entities.append((kind, event["name"]))
            progress.advance(len(entities), total, event["name"])
    if result is None:
        late = f" after {LIMIT_SECONDS:.0f} s" if process.wait() == -signal.SIGKILL else ""
        raise AirflyteError(f"Registration ended without a result{late}.", log=log)
    return result


def _events(stream: IO[str] | None) -> Iterator[dict[str, Any]]:
    for line in stream or ():
        yield json.loads(line)
