"""Settings for every test of the provider: an Airflow home of its own, and Airflow's own warnings
let through.
"""

from __future__ import annotations

import json
import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .fakes.admin import FakeAdmin

# Airflow reads its home when it is first imported, which pytest does while it collects.
_HOME = os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="airflow-provider-flyte-"))
os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
os.environ.setdefault("AIRFLOW__CORE__UNIT_TEST_MODE", "False")
os.environ.setdefault("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", f"sqlite:///{Path(_HOME) / 'airflow.db'}")

# Airflow 3 runs a Dag only from a bundle that it knows.
_TESTS = Path(__file__).parent
_FOLDERS = {
    "examples": _TESTS.parents[1] / "dags",
    "modes": _TESTS / "dags",
    "gates": _TESTS / "gates" / "dags",
    "howtos": _TESTS.parent / "docs" / "example_dags",
    "system": _TESTS / "system" / "flyte",
}
_BUNDLES = [
    {
        "name": name,
        "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
        "kwargs": {"path": str(folder)},
    }
    for name, folder in _FOLDERS.items()
]
os.environ["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"] = json.dumps(_BUNDLES)

import pytest  # noqa: E402 - after the environment is set

# Warnings that Airflow and its dependencies raise about themselves, not about us.
_THEIR_WARNINGS = (
    "ignore::DeprecationWarning:airflow.*",
    "ignore::DeprecationWarning:flask_.*",
    "ignore::DeprecationWarning:marshmallow.*",
    "ignore::DeprecationWarning:flytekit.*",
    "ignore::FutureWarning:airflow.*",
    "ignore::FutureWarning:flytekit.*",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for warning in _THEIR_WARNINGS:
            item.add_marker(pytest.mark.filterwarnings(warning), append=False)


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """No trigger holds its event back, except where a test is about that."""
    monkeypatch.setenv("AIRFLOW__FLYTE__RESUME_AFTER", "0")


@pytest.fixture
def admin() -> Iterator[FakeAdmin]:
    """A Flyte whose executions succeed at the first look."""
    from .fakes.admin import FakeAdmin, serve

    with serve(FakeAdmin()) as fake:
        yield fake


@pytest.fixture
def conn_id(admin: FakeAdmin, monkeypatch: pytest.MonkeyPatch) -> str:
    """An Airflow connection to that Flyte."""
    from .fakes.airflow import make_connection

    return make_connection(monkeypatch, admin.port)


@pytest.fixture(scope="session")
def airflow_database() -> None:
    """A new metadata database in this run's Airflow home."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from airflow.utils.db import initdb

        initdb()
