"""What an edit costs: change a line, run it on the sandbox with the stock client, see that it succeeded."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable
from pathlib import Path

from . import measured_files
from .figures import Measurement, MeasurementError, spread
from .flyte_client import Pyflyte
from .memory import pss_mb
from .server import DOMAIN, PROJECT
from .workshop import Workshop

_ROUNDS = 5
_VERSIONS = 20
_FILE = f"{measured_files.MODULE}.py"


def edit(workshop: Workshop) -> Measurement:
    """``pyflyte run --remote --wait`` against ``pyflyte run`` of the same file, in turns."""
    remote_seconds: list[float] = []
    local_seconds: list[float] = []
    with workshop.server() as server:
        folder = measured_files.copy(workshop)
        run_remote = _remote_runner(Pyflyte(workshop.new_folder("client"), server), folder)
        run_local = _local_runner(Pyflyte(workshop.new_folder("client"), None), folder)
        run_remote(0)
        run_local()
        for number in range(1, _ROUNDS + 1):
            remote_seconds.append(run_remote(number))
            local_seconds.append(run_local())
    workshop.say(f"on the sandbox: {spread(remote_seconds)}; local: {spread(local_seconds)}")
    return Measurement(statistics.median(remote_seconds), statistics.median(local_seconds))


def templates(workshop: Workshop) -> Measurement:
    """What the template processes weigh after many versions of the code have run."""
    with workshop.server() as server:
        folder = measured_files.copy(workshop)
        run_remote = _remote_runner(Pyflyte(workshop.new_folder("client"), server), folder)
        for number in range(_VERSIONS):
            run_remote(number)
        found = server.templates()
        weight = pss_mb(each.pid for each in found)
    workshop.say(f"{len(found)} template process after {_VERSIONS} versions")
    if len(found) != 1:
        raise MeasurementError(f"One environment has {len(found)} template processes; expected one.")
    return Measurement(weight)


def _remote_runner(pyflyte: Pyflyte, folder: Path) -> Callable[[int], float]:
    command = ["run", "--remote", "--wait", "-p", PROJECT, "-d", DOMAIN]

    def run(number: int) -> float:
        _change_a_line(folder / _FILE, number)
        return pyflyte.run([*command, _FILE, measured_files.WORKFLOW, "--name", "world"], folder)

    return run


def _local_runner(pyflyte: Pyflyte, folder: Path) -> Callable[[], float]:
    return lambda: pyflyte.run(["run", _FILE, measured_files.WORKFLOW, "--name", "world"], folder)


def _change_a_line(path: Path, number: int) -> None:
    source = path.read_text(encoding="utf-8")
    changed = re.sub(r'return f"Hello.*"', f'return f"Hello number {number}, {{name}}!"', source)
    if changed == source:
        raise MeasurementError(f"{path.name} has no line to change.")
    path.write_text(changed, encoding="utf-8")
