"""A whole stack of the benchmark's own: a copy of the checkout in a scratch folder, driven by its verbs."""

from __future__ import annotations

import random
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

from airflyte import ports, settings
from airflyte.airflow import runs
from airflyte.processes import marks
from airflyte.stack.parts import Stack
from airflyte.state import StateFolder

from . import places
from .figures import MeasurementError
from .memory import pss_mb
from .waiting import wait_until

_SETTLE_SECONDS = 60.0
_DAG_SECONDS = 180.0
_LOOK_SECONDS = 0.1
_COMMAND_WIDTH = 160
_OFFSETS = range(-6_000, 0, 20)
"""Downwards: from 32768 on the kernel gives ports to outgoing connections, also while ours rest."""

DEMO_DAG = "bench_pima"
"""The demo's Dag once more, with the cache overwritten."""


class ScratchStack:
    """:param checkout: where the copy goes; the folder must not exist.

    :param say: gets the lines in which a verb tells what a step has taken.
    :param environment: more variables for its verbs.
    :ivar restarts: seconds of ``down`` and of the ``up`` after it, of each restart so far.
    """

    def __init__(
        self, checkout: Path, say: Callable[[str], None], environment: Mapping[str, str] | None = None
    ) -> None:
        self.checkout = checkout
        self.restarts: list[tuple[float, float]] = []
        self._say = say
        self._environment = dict(environment or {})
        self._settled: tuple[float, int] | None = None
        copy_checkout(checkout)
        _add_dag(checkout / "dags")
        self._offset = _free_offset()

    # ---- verbs ---------------------------------------------------------------------------------------------

    def up(self) -> float:
        """:return: seconds until ``make up`` has ended."""
        return self._make("up")

    def down(self) -> float:
        """:return: seconds until ``make down`` has ended.

        :raises MeasurementError: when it leaves a process or a port behind.
        """
        before = self.stack
        seconds = self._make("down")
        left = [*marks.find_marked(before.id), *ports.holders(ports.needed(before.settings))]
        if left:
            raise MeasurementError(f"make down left {', '.join(map(str, left))}.")
        return seconds

    def restart(self) -> None:
        """One more ``down`` and ``up``."""
        self.restarts.append((self.down(), self.up()))

    def end(self) -> None:
        """Stop it, whatever state it is in."""
        if self.folder.read() is not None:
            subprocess.run(
                ["make", "down"], cwd=self.checkout, env=self._env(), capture_output=True, check=False
            )
            marks.end_marked(self.stack.id)

    def _make(self, verb: str) -> float:
        started = time.perf_counter()
        process = subprocess.Popen(
            ["make", verb],
            cwd=self.checkout,
            env=self._env(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        lines = self._listen(process)
        code = process.wait()
        seconds = time.perf_counter() - started
        if code != 0:
            raise MeasurementError(f"make {verb} failed:\n{''.join(lines[-40:])}")
        return seconds

    def _listen(self, process: subprocess.Popen[str]) -> list[str]:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("[") and " … " not in line:
                self._say(line.rstrip())
        return lines

    def _env(self) -> dict[str, str]:
        return places.plain_environment({"AIRFLYTE_PORT_OFFSET": str(self._offset), **self._environment})

    # ---- what it is ----------------------------------------------------------------------------------------

    @property
    def stack(self) -> Stack:
        """As its verbs see it."""
        return Stack(settings.load(self.checkout, self._env()))

    @property
    def folder(self) -> StateFolder:
        return self.stack.folder

    def processes(self) -> set[psutil.Process]:
        """All of it, tasks included."""
        return marks.find_marked(self.stack.id)

    def settled(self) -> tuple[float, int]:
        """PSS in MB and the number of processes, a minute after a demo run; measured once."""
        if self._settled is None:
            self.run_demo()
            time.sleep(_SETTLE_SECONDS)
            weights = sorted(
                ((pss_mb([each.pid]), each) for each in self.processes()), key=lambda pair: -pair[0]
            )
            for weight, process in weights:
                self._say(f"{weight:6.1f} MB  {marks.command_of(process, _COMMAND_WIDTH)}")
            self._settled = sum(weight for weight, _ in weights), len(weights)
        return self._settled

    def run_demo(self) -> float:
        """Trigger the demo's Dag with the cache overwritten.

        :return: seconds from the trigger until Airflow says that the Dag run succeeded.
        """
        api = self.stack.airflow()
        wait_until(
            lambda: api.find(f"/dags/{DEMO_DAG}") is not None, _DAG_SECONDS, "Airflow knows the Dag", 0.5
        )
        started = time.perf_counter()
        run_id = runs.trigger(api, DEMO_DAG, lambda _: None)
        path = runs.run_path(DEMO_DAG, run_id)
        final: list[str] = []
        wait_until(
            lambda: _is_over(api.get(path)["state"], final), _DAG_SECONDS, "the Dag run's end", _LOOK_SECONDS
        )
        seconds = time.perf_counter() - started
        if final != ["success"]:
            raise MeasurementError(f"The Dag run ended as {final[0]}.")
        return seconds


def _is_over(state: str, final: list[str]) -> bool:
    if state in runs.FINAL:
        final.append(state)
    return bool(final)


def copy_checkout(target: Path) -> None:
    """What git would take, as it is in the working tree, edited or not."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=places.CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        source = places.CHECKOUT / name
        if source.is_file():  # git still lists what was just removed
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target / name)


def _add_dag(folder: Path) -> None:
    source = (folder / "example_flyte.py").read_text(encoding="utf-8")
    changed = source.replace('dag_id="example_flyte"', f'dag_id="{DEMO_DAG}"')
    changed = changed.replace("        **FLYTE,\n", "        overwrite_cache=True,\n        **FLYTE,\n", 1)
    if DEMO_DAG not in changed or "overwrite_cache=True" not in changed:
        raise MeasurementError("dags/example_flyte.py has no longer the form that is known here.")
    (folder / f"{DEMO_DAG}.py").write_text(changed, encoding="utf-8")


def _free_offset() -> int:
    """One at which all four ports are free, away from those that people use."""
    for offset in random.sample(_OFFSETS, len(_OFFSETS)):
        shifted = settings.Ports().shifted(offset)
        if not any(ports.is_busy(port) for port in vars(shifted).values()):
            return offset
    raise MeasurementError("No four free ports were found.")
