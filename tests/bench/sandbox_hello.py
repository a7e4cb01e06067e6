"""The smallest run: two tasks forked from a warm process, against two cold processes.

The cold ones are what Flyte's own task containers run, ``pyflyte-execute``, one after the other.
"""

from __future__ import annotations

import statistics
import subprocess
import time
from pathlib import Path

from flyteidl.core import literals_pb2

from . import measured_files, places
from .figures import Measurement, MeasurementError, spread
from .flyte_client import run, text
from .server import Server
from .workshop import Workshop

_ROUNDS = 5
_WARM_PER_ROUND = 5
_RESOLVER = "flytekit.core.python_auto_container.default_task_resolver"


def hello(workshop: Workshop) -> Measurement:
    """Warm and cold in turns, so that whatever else the machine does slows both."""
    warm: list[float] = []
    cold: list[float] = []
    with workshop.server() as server:
        folder = measured_files.register_two_tasks(workshop, server)
        _run_warm(server, 2)
        _run_cold(workshop, folder)  # compiles what is not compiled yet
        for _ in range(_ROUNDS):
            warm += _run_warm(server, _WARM_PER_ROUND)
            cold.append(_run_cold(workshop, folder))
    workshop.say(f"warm: {spread(warm)}; two cold processes: {spread(cold)}")
    return Measurement(statistics.median(warm), statistics.median(cold))


def _run_warm(server: Server, count: int) -> list[float]:
    inputs = {"name": text("world")}
    return [run(server, measured_files.TWO_TASKS, inputs)[1] for _ in range(count)]


def _run_cold(workshop: Workshop, folder: Path) -> float:
    """Both tasks as a container would run them, the second with what the first has returned."""
    scratch = workshop.new_folder("cold")
    first = literals_pb2.LiteralMap(literals={"name": text("world")})
    started = time.perf_counter()
    greeted = _execute(folder, scratch, "greet", first)
    said = _execute(folder, scratch, "say", literals_pb2.LiteralMap(literals={"greeting": greeted}))
    seconds = time.perf_counter() - started
    if said.scalar.primitive.string_value != "Hello, world!":
        raise MeasurementError(f"The cold processes returned {said}.")
    return seconds


def _execute(folder: Path, scratch: Path, task: str, inputs: literals_pb2.LiteralMap) -> literals_pb2.Literal:
    given = scratch / f"{task}.pb"
    given.write_bytes(inputs.SerializeToString())
    command: list[str | Path] = [places.program("workflows", "pyflyte-execute"), "--inputs", given]
    command += ["--output-prefix", scratch / task, "--raw-output-data-prefix", scratch / "raw"]
    command += ["--resolver", _RESOLVER, "--", "task-module", measured_files.MODULE, "task-name", task]
    done = subprocess.run(
        command,
        cwd=folder,
        env=places.plain_environment({"PYTHONPATH": str(folder), "HOME": str(scratch), **_IDENTITY}),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise MeasurementError(f"pyflyte-execute failed: {(done.stdout + done.stderr)[-1500:]}")
    outputs = literals_pb2.LiteralMap.FromString((scratch / task / "outputs.pb").read_bytes())
    return outputs.literals["o0"]


# What the platform tells every task about itself.
_IDENTITY = {
    "FLYTE_INTERNAL_EXECUTION_ID": "cold",
    "FLYTE_INTERNAL_EXECUTION_PROJECT": "flytesnacks",
    "FLYTE_INTERNAL_EXECUTION_DOMAIN": "development",
    "FLYTE_ATTEMPT_NUMBER": "0",
}
