"""Walks rounds of one cell of the resume matrix through Airflow and Flyte.

Rounds of a cell stand side by side in one Airflow: each is a Dag run with an execution of its own, and one
interruption meets them all.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psutil

from ..fakes.admin import Phase
from ..stack.airflow import Airflow, wait_until
from .flyte import ResumedFlyte

MODES = ("sync", "deferrable")
# So many rounds at a time: what two cores bring to the same point before Airflow takes one for lost.
WAVE = 25
# How long a wave may take from one point to the next.
SECONDS = 300
# Between two looks at Airflow, whose API server serves the tasks, too.
PAUSE = 0.5


def slot(mode: str) -> str:
    """Return the Dag of a mode whose task is in a worker."""
    return mode if mode == "sync" else "deferrable_in_slot"


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
        names = {run_id: self.wait_for_executions(run_id)[0].id.name for run_id in runs}
        state = "deferred" if dag_id.startswith("deferrable") and "slot" not in dag_id else "running"
        for run_id, name in names.items():
            self.airflow.wait_for_task(dag_id, run_id, state, seconds=SECONDS, pause=PAUSE)
            self.wait_for_look(name)
        return names

    def wait_for_executions(self, run_id: str, count: int = 1) -> list[Any]:
        return self.flyte.wait_for_executions(run_id, count, SECONDS)

    def wait_for_look(self, name: str) -> None:
        self.flyte.wait_for_look(name, SECONDS)

    def wait_for_try(self, dag_id: str, run_id: str, number: int) -> None:
        def is_there() -> bool:
            ti = self.airflow.task(dag_id, run_id)
            return ti["try_number"] >= number and ti["state"] in ("running", "deferred")

        wait_until(is_there, SECONDS, f"try {number} of {run_id}", PAUSE)

    def wait_for_end_of_try(self, dag_id: str, run_id: str, number: int) -> None:
        def is_over() -> bool:
            ti = self.airflow.task(dag_id, run_id)
            return ti["try_number"] > number or ti["state"] == "up_for_retry"

        wait_until(is_over, SECONDS, f"end of try {number} of {run_id}", PAUSE)

    def end(self, dag_id: str, runs: list[str], tries: int, executions: int = 1) -> None:
        """Let the executions succeed; see that the tasks do, and that nothing was launched twice.

        :param tries: how many it takes at least. On a busy machine a scheduler hears of a deferral after the
            resumption, takes the task for lost and has it tried again: Airflow's race, and one more retry.
        """
        for run_id in runs:
            self.flyte.succeed(run_id)
        for run_id in runs:
            ti = self.wait_for_end(dag_id, run_id, "success")
            assert ti["try_number"] >= tries, run_id
            phases = [execution.closure.phase for execution in self.flyte.of_run(run_id)]
            assert phases == [Phase.ABORTED] * (executions - 1) + [Phase.SUCCEEDED], run_id

    def wait_for_end(self, dag_id: str, run_id: str, state: str) -> dict[str, Any]:
        """Return the task instance once it has ended, which must be in this state."""
        ti = self.airflow.wait_for_task(dag_id, run_id, "success", "failed", seconds=SECONDS, pause=PAUSE)
        assert ti["state"] == state, self.airflow.log(dag_id, run_id, ti["try_number"])
        return ti

    def kill_worker(self, dag_id: str, run_id: str, with_signal: int) -> None:
        """Signal the worker of a run's task; kill -9 takes the task's own process along."""
        worker, task = self.airflow.task_processes(dag_id, run_id)
        for process in [worker, task] if with_signal == signal.SIGKILL else [worker]:
            # The task's process may follow its killed worker before it is its turn.
            with suppress(psutil.NoSuchProcess):
                process.send_signal(with_signal)
