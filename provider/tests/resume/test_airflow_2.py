"""The cells of the resume matrix on Airflow 2.11, where a stopped worker takes its execution along.

Slow: this Airflow gets an environment of its own from the index. What is left out here has no one answer on
2.11: a clear of a Dag run that is under way cannot be told from a retry.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from ..gates.environments import Environment, build_wheel, requirements_of
from ..stack.airflow import running
from ..stack.airflow_2 import Airflow2
from ..stack.postgres import running_postgres
from .conftest import DAGS, environ
from .flyte import ResumedFlyte
from .matrix import MODES, Matrix, slot
from .test_matrix import test_retry, test_server_restart, test_triggerer_kill_9, test_worker_kill_9

__all__ = ["test_retry", "test_server_restart", "test_triggerer_kill_9", "test_worker_kill_9"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def airflow_2(resumed_flyte: ResumedFlyte, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow2]:
    folder = tmp_path_factory.mktemp("airflow_2")
    environment = Environment(folder / "env")
    needed = (*requirements_of(build_wheel(folder / "wheel")), "authlib>=1.3,<2")
    environment.install("apache-airflow==2.11.*", "psycopg2-binary", *needed)
    (folder / "home").mkdir()
    with running_postgres() as database:
        more = environ(resumed_flyte, database)
        with running(Airflow2(folder / "home", DAGS, more, environment.bin("python"))) as airflow:
            yield airflow


@pytest.fixture
def matrix(airflow_2: Airflow2, resumed_flyte: ResumedFlyte) -> Matrix:
    return Matrix(airflow_2, resumed_flyte, rounds=3)


@pytest.mark.parametrize("mode", MODES)
def test_worker_sigterm(matrix: Matrix, mode: str) -> None:
    """The handler cannot ask why it is called, so it terminates, and the next try launches anew."""
    dag_id = slot(mode)
    for runs in matrix.waves(dag_id, "sigterm"):
        matrix.begin(dag_id, runs)
        for run_id in runs:
            matrix.kill_worker(dag_id, run_id, signal.SIGTERM)
        for run_id in runs:
            _, second = matrix.wait_for_executions(run_id, 2)
            matrix.wait_for_look(second.id.name)
        matrix.end(dag_id, runs, tries=2, executions=2)
