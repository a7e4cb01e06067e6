"""A Celery worker that is stopped, replaced or lost: its tasks go on elsewhere, with the same executions."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from ..stack import celery
from ..stack.airflow import Airflow, running
from ..stack.postgres import running_postgres
from .conftest import DAGS, environ
from .flyte import ResumedFlyte
from .matrix import MODES, WAVE, Matrix, slot

pytestmark = pytest.mark.timeout(7200)


@pytest.fixture(scope="module")
def celery_airflow(
    resumed_flyte: ResumedFlyte, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Airflow]:
    with celery.running_redis() as broker, running_postgres() as database:
        more = environ(resumed_flyte, database) | celery.environ(broker)
        components = celery.components(concurrency=WAVE)
        with running(Airflow(tmp_path_factory.mktemp("celery"), DAGS, more, components)) as airflow:
            yield airflow


@pytest.fixture
def matrix(celery_airflow: Airflow, resumed_flyte: ResumedFlyte, rounds: int) -> Matrix:
    return Matrix(celery_airflow, resumed_flyte, rounds)


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_worker_sigterm(matrix: Matrix, mode: str) -> None:
    """As a container or a service is stopped: the worker's processes all get the signal."""
    dag_id = slot(mode)
    for runs in matrix.waves(dag_id, "celery_sigterm"):
        names = matrix.begin(dag_id, runs)
        matrix.airflow.kill("worker", signal.SIGTERM)
        matrix.airflow.start("worker")
        for run_id, name in names.items():
            matrix.wait_for_try(dag_id, run_id, 2)
            matrix.wait_for_look(name)
        matrix.end(dag_id, runs, tries=2)


@pytest.mark.parametrize("mode", [pytest.param("sync", marks=pytest.mark.slow), "deferrable"])
def test_worker_kill_9(matrix: Matrix, mode: str) -> None:
    """As a machine vanishes; what it had taken from the broker is handed out once more, too."""
    dag_id = slot(mode)
    for runs in matrix.waves(dag_id, "celery_kill"):
        names = matrix.begin(dag_id, runs)
        tasks = [matrix.airflow.task_processes(dag_id, run_id)[1] for run_id in runs]
        matrix.airflow.kill("worker", signal.SIGKILL)
        for task in tasks:
            task.kill()
        matrix.airflow.start("worker")
        for run_id, name in names.items():
            matrix.wait_for_try(dag_id, run_id, 2)
            matrix.wait_for_look(name)
        matrix.end(dag_id, runs, tries=2)


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_rolling_restart(matrix: Matrix, mode: str) -> None:
    """A worker that is asked to end when its tasks have, beside a new one: no try is spent."""
    dag_id = slot(mode)
    for runs in matrix.waves(dag_id, "celery_rolling"):
        names = matrix.begin(dag_id, runs)
        with matrix.airflow.retiring("worker"):
            matrix.airflow.start("worker")
            for name in names.values():
                matrix.wait_for_look(name)
            matrix.end(dag_id, runs, tries=1)
