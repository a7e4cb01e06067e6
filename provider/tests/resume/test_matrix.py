"""However a task is interrupted, there is one execution for it, and the task ends as the execution does.

{sync, deferrable} x {retry, clear, worker SIGTERM, worker kill -9, triggerer kill -9, server restart}, in an
Airflow of four processes that are killed for real; Flyte is a server in this process.
``AIRFLYTE_RESUME_ROUNDS`` says how often, 3 times without it; a hundred times in the slow ring.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from ..fakes.admin import Phase
from ..stack.airflow import Airflow, wait_until
from .flyte import ResumedFlyte

MODES = ("sync", "deferrable")
# So many tasks at a time: what two cores run without one waiting for another.
WAVE = 3
STEPS = ("before", "after", "while it looks")

pytestmark = pytest.mark.timeout(7200)


class Matrix:
    """Walks rounds of one cell through Airflow and Flyte."""

    def __init__(self, airflow: Airflow, flyte: ResumedFlyte, rounds: int) -> None:
        self.airflow = airflow
        self.flyte = flyte
        self.rounds = rounds

    def waves(self, dag_id: str, event: str) -> Iterator[list[str]]:
        """Yield the ids of Dag runs that begin together."""
        numbers = range(self.rounds)
        for start in range(0, self.rounds, WAVE):
            yield [f"{event}_{dag_id}_{number}_of_{self.rounds}" for number in numbers[start : start + WAVE]]

    def begin(self, dag_id: str, runs: list[str]) -> dict[str, str]:
        """Trigger the runs; return the name of each one's execution once somebody waits for it."""
        for run_id in runs:
            self.airflow.trigger(dag_id, run_id)
        names = {run_id: self.flyte.wait_for_executions(run_id)[0].id.name for run_id in runs}
        state = "deferred" if dag_id.startswith("deferrable") and "slot" not in dag_id else "running"
        for run_id, name in names.items():
            self.airflow.wait_for_task(dag_id, run_id, state)
            self.flyte.wait_for_look(name)
        return names

    def wait_for_try(self, dag_id: str, run_id: str, number: int) -> None:
        def is_there() -> bool:
            ti = self.airflow.task(dag_id, run_id)
            return ti["try_number"] >= number and ti["state"] in ("running", "deferred")

        wait_until(is_there, 120, f"try {number} of {run_id}")

    def end(self, dag_id: str, runs: list[str], tries: int, executions: int = 1) -> None:
        """Let the executions succeed; see that the tasks do, and that nothing was launched twice.

        :param tries: how many it takes at least. On a busy machine a scheduler hears of a deferral after the
            resumption, takes the task for lost and has it tried again: Airflow's race, and one more retry.
        """
        for run_id in runs:
            self.flyte.succeed(run_id)
        for run_id in runs:
            ti = self.airflow.wait_for_task(dag_id, run_id, "success", "failed")
            assert ti["state"] == "success", self.airflow.log(dag_id, run_id, ti["try_number"])
            assert ti["try_number"] >= tries, run_id
            phases = [execution.closure.phase for execution in self.flyte.of_run(run_id)]
            assert phases == [Phase.ABORTED] * (executions - 1) + [Phase.SUCCEEDED], run_id

    def kill_worker(self, dag_id: str, run_id: str, with_signal: int) -> None:
        """Signal the worker of a run's task; kill -9 takes the task's own process along."""
        words = self.airflow.task(dag_id, run_id)["id"]
        pids = wait_until(lambda: self.airflow.task_processes(words), 30, f"worker of {run_id}")
        for pid in pids if with_signal == signal.SIGKILL else pids[:1]:
            # The task's process may follow its killed worker before it is its turn.
            with suppress(ProcessLookupError):
                os.kill(pid, with_signal)


@pytest.fixture
def matrix(airflow: Airflow, resumed_flyte: ResumedFlyte, rounds: int) -> Matrix:
    return Matrix(airflow, resumed_flyte, rounds)


def slot(mode: str) -> str:
    """Return the Dag of a mode whose task is in a worker."""
    return mode if mode == "sync" else "deferrable_in_slot"


@pytest.mark.parametrize("mode", MODES)
def test_retry(matrix: Matrix, mode: str) -> None:
    """Flyte is silent for longer than the task has patience; the next try goes on with the execution."""
    dag_id = f"{mode}_impatient"
    for runs in matrix.waves(dag_id, "retry"):
        names = matrix.begin(dag_id, runs)
        matrix.flyte.silent_about |= set(names.values())
        for run_id in runs:
            matrix.airflow.wait_for_task(dag_id, run_id, "up_for_retry")
        matrix.flyte.silent_about.clear()
        for run_id, name in names.items():
            matrix.wait_for_try(dag_id, run_id, 2)
            matrix.flyte.wait_for_look(name)
        matrix.end(dag_id, runs, tries=2)


@pytest.mark.parametrize("mode", MODES)
def test_clear(matrix: Matrix, mode: str) -> None:
    """A clear starts over: the execution is terminated before another one is launched."""
    for runs in matrix.waves(mode, "clear"):
        matrix.begin(mode, runs)
        for run_id in runs:
            matrix.airflow.clear(mode, run_id)
        for run_id in runs:
            first, second = matrix.flyte.wait_for_executions(run_id, 2)
            assert first.closure.phase == Phase.ABORTED
            matrix.flyte.wait_for_look(second.id.name)
        matrix.end(mode, runs, tries=2, executions=2)


@pytest.mark.parametrize("mode", MODES)
def test_worker_sigterm(matrix: Matrix, mode: str) -> None:
    """A worker that shuts down leaves the execution to the next try."""
    dag_id = slot(mode)
    for runs in matrix.waves(dag_id, "sigterm"):
        names = matrix.begin(dag_id, runs)
        for run_id in runs:
            matrix.kill_worker(dag_id, run_id, signal.SIGTERM)
        for run_id, name in names.items():
            matrix.wait_for_try(dag_id, run_id, 2)
            matrix.flyte.wait_for_look(name)
        matrix.end(dag_id, runs, tries=2)


@pytest.mark.parametrize("mode", MODES)
def test_worker_kill_9(matrix: Matrix, mode: str) -> None:
    """A machine that vanishes before the creation, after it, or later leaves one execution at most."""
    dag_id = slot(mode)
    for runs in matrix.waves(dag_id, "kill"):
        steps = dict(zip(runs, STEPS * len(runs), strict=False))
        held = {run_id: step for run_id, step in steps.items() if step in STEPS[:2]}
        for run_id, step in held.items():
            matrix.flyte.hold_launch(run_id, step)
            matrix.airflow.trigger(dag_id, run_id)
        matrix.begin(dag_id, [run_id for run_id in runs if run_id not in held])
        for run_id in runs:
            if run_id in held:
                matrix.flyte.wait_for_held(run_id, held[run_id])
            matrix.kill_worker(dag_id, run_id, signal.SIGKILL)
        for run_id, step in held.items():
            matrix.flyte.release(run_id, step)
        for run_id in runs:
            matrix.wait_for_try(dag_id, run_id, 2)
            (execution,) = matrix.flyte.wait_for_executions(run_id)
            matrix.flyte.wait_for_look(execution.id.name)
        matrix.end(dag_id, runs, tries=2)


def _interrupt(matrix: Matrix, mode: str, event: str, interrupt: Callable[[], None]) -> None:
    for runs in matrix.waves(mode, event):
        names = matrix.begin(mode, runs)
        interrupt()
        for name in names.values():
            matrix.flyte.wait_for_look(name)
        matrix.end(mode, runs, tries=1)


@pytest.mark.parametrize("mode", MODES)
def test_triggerer_kill_9(matrix: Matrix, mode: str) -> None:
    """Another triggerer takes over who waits; a task in its slot does not notice."""

    def replace_triggerer() -> None:
        matrix.airflow.kill("triggerer", signal.SIGKILL)
        matrix.airflow.start("triggerer")

    _interrupt(matrix, mode, "triggerer", replace_triggerer)


@pytest.mark.parametrize("mode", MODES)
def test_server_restart(matrix: Matrix, mode: str) -> None:
    """Flyte is away for a moment; the same try goes on waiting."""

    def restart() -> None:
        with matrix.flyte.away() as outage:
            outage.refuse(1)

    _interrupt(matrix, mode, "restart", restart)
