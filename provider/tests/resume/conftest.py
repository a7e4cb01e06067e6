"""One Airflow and one Flyte for the whole resume matrix."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..fakes.admin import DOMAIN, PROJECT
from ..stack.airflow import Airflow, running
from ..stack.postgres import running_postgres
from .embedded import EmbeddedFlyte
from .flyte import ResumedFlyte

DAGS = Path(__file__).parent / "dags"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.processes)


ROUNDS = int(os.environ.get("AIRFLYTE_RESUME_ROUNDS", "3"))


@pytest.fixture(scope="session", params=[ROUNDS, pytest.param(100, marks=pytest.mark.slow)])
def rounds(request: pytest.FixtureRequest) -> int:
    """How often each cell of the matrix is walked through."""
    return int(request.param)


def connection(port: int) -> str:
    extra = {"project": PROJECT, "domain": DOMAIN, "timeout": 60}
    return json.dumps({"conn_type": "flyte", "host": f"http://127.0.0.1:{port}", "extra": extra})


def environ(flyte: ResumedFlyte, database: str) -> dict[str, str]:
    """Return what an Airflow needs in its environment to talk to this Flyte, and to keep many tasks."""
    return {
        "AIRFLOW_CONN_FLYTE_TEST": connection(flyte.port),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
        "AIRFLOW__CORE__PARALLELISM": "32",
        # For as many requests at a time, some of which hold two connections: with Airflow's 15 they would
        # wait for each other.
        "AIRFLOW__DATABASE__SQL_ALCHEMY_POOL_SIZE": "50",
        "AIRFLOW__FLYTE__RESUME_AFTER": "2",
    }


@pytest.fixture(scope="session")
def resumed_flyte() -> Iterator[ResumedFlyte]:
    flyte = ResumedFlyte()
    flyte.start()
    yield flyte
    flyte.stop()


@pytest.fixture(scope="session")
def embedded_flyte(tmp_path_factory: pytest.TempPathFactory) -> EmbeddedFlyte:
    """Not started: few tests need it, but Airflow must know its port."""
    return EmbeddedFlyte(tmp_path_factory.mktemp("flyte"))


@pytest.fixture(scope="session")
def airflow(
    resumed_flyte: ResumedFlyte, embedded_flyte: EmbeddedFlyte, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Airflow]:
    with running_postgres() as database:
        more = environ(resumed_flyte, database)
        more["AIRFLOW_CONN_FLYTE_EMBEDDED"] = connection(embedded_flyte.port)
        with running(Airflow(tmp_path_factory.mktemp("airflow"), DAGS, more)) as airflow:
            yield airflow
