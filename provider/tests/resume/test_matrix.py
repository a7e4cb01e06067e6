"""However a task is interrupted, there is one execution for it, and the task ends as the execution does.

{sync, deferrable} x {retry, clear, worker SIGTERM, worker kill -9, triggerer kill -9, server restart}, in an
Airflow of four processes that are killed for real; Flyte is a server in this process.
``AIRFLYTE_RESUME_ROUNDS`` says how often, 3 times without it; a hundred times in the slow ring.
"""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest

from ..fakes.admin import Phase
from ..stack.airflow import Airflow
from .flyte import ResumedFlyte
from .matrix import MODES, SECONDS, Matrix, slot

STEPS = ("before", "after", "while it looks")

pytestmark = pytest.mark.timeout(7200)


@pytest.fixture
def matrix(airflow: Airflow, resumed_flyte: ResumedFlyte, rounds: int) -> Matrix:
    return Matrix(airflow, resumed_flyte, rounds)


@pytest.mark.parametrize("mode", MODES)
def test_retry(matrix: Matrix, mode: str) -> None:
    """Flyte is silent for longer than the task has patience; the next try goes on with the execution."""
    dag_id = f"{mode}_impatient"
    for runs in matrix.waves(dag_id, "retry"):
        names = matrix.begin(dag_id, runs)
        matrix.flyte.silent_about |= set(names.values())
        for run_id in runs:
            matrix.wait_for_end_of_try(dag_id, run_id, 1)
        matrix.flyte.silent_about.clear()
        for run_id, name in names.items():
            matrix.wait_for_try(dag_id, run_id, 2)
            matrix.wait_for_look(name)
        matrix.end(dag_id, runs, tries=2)


@pytest.mark.parametrize("mode", MODES)
def test_clear(matrix: Matrix, mode: str) -> None:
    """A clear starts over: the execution is terminated before another one is launched."""
    for runs in matrix.waves(mode, "clear"):
        matrix.begin(mode, runs)
        for run_id in runs:
            matrix.airflow.clear(mode, run_id)
        for run_id in runs:
            first, second = matrix.wait_for_executions(run_id, 2)
            assert first.closure.phase == Phase.ABORTED
            matrix.wait_for_look(second.id.name)
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
            matrix.wait_for_look(name)
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
                matrix.flyte.wait_for_held(run_id, held[run_id], SECONDS)
            matrix.kill_worker(dag_id, run_id, signal.SIGKILL)
        for run_id, step in held.items():
            matrix.flyte.release(run_id, step)
        for run_id in runs:
            matrix.wait_for_try(dag_id, run_id, 2)
            (execution,) = matrix.wait_for_executions(run_id)
            matrix.wait_for_look(execution.id.name)
        matrix.end(dag_id, runs, tries=2)


@pytest.mark.parametrize("mode", MODES)
def test_worker_kill_9_on_the_last_try(airflow: Airflow, resumed_flyte: ResumedFlyte, mode: str) -> None:
    """No other try would take the execution up, so it ends with its task, and Flyte says why."""
    matrix = Matrix(airflow, resumed_flyte, rounds=3)
    dag_id = f"{slot(mode)}_once"
    for runs in matrix.waves(dag_id, "last"):
        matrix.begin(dag_id, runs)
        for run_id in runs:
            matrix.kill_worker(dag_id, run_id, signal.SIGKILL)
        for run_id in runs:
            matrix.wait_for_end(dag_id, run_id, "failed")
            (execution,) = matrix.flyte.wait_for_phase(run_id, Phase.ABORTED)
            cause = execution.closure.abort_metadata.cause
            assert cause == f"Airflow: task {dag_id}.t lost its worker on its last try"


def _interrupt(matrix: Matrix, mode: str, event: str, interrupt: Callable[[list[str]], None]) -> None:
    for runs in matrix.waves(mode, event):
        names = matrix.begin(mode, runs)
        interrupt(runs)
        for name in names.values():
            matrix.wait_for_look(name)
        matrix.end(mode, runs, tries=1)


@pytest.mark.parametrize("mode", MODES)
def test_triggerer_kill_9(matrix: Matrix, mode: str) -> None:
    """Another triggerer takes over who waits; a task in its slot does not notice."""

    def replace_triggerer(_runs: list[str]) -> None:
        matrix.airflow.kill("triggerer", signal.SIGKILL)
        matrix.airflow.start("triggerer")

    _interrupt(matrix, mode, "triggerer", replace_triggerer)


@pytest.mark.parametrize("mode", MODES)
def test_server_restart(matrix: Matrix, mode: str) -> None:
    """Flyte is away for a moment; the same try goes on waiting."""

    def restart(runs: list[str]) -> None:
        with matrix.flyte.away() as outage:
            # A triggerer has one channel for all that it looks at, a task in its slot has one of its own.
            outage.refuse(len(runs) if mode == "sync" else 1)

    _interrupt(matrix, mode, "restart", restart)
