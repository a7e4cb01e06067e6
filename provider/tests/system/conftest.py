"""System tests: example Dags in the shape of Airflow's own providers, run against a Flyte.

``AIRFLOW_CONN_FLYTE_DEFAULT`` is the connection to a Flyte that has this repository's workflows ``basics``;
it names their project and domain. Without it the embedded Flyte is started.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..stack import flyte

CONNECTION = "AIRFLOW_CONN_FLYTE_DEFAULT"

# Airflow's repository has ``tests_common`` installed.
sys.path.insert(0, str(Path(__file__).parent))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "system: an example Dag that runs against a Flyte")


class Example(pytest.Module):
    """An example Dag; what Airflow warns of while it loads and runs is Airflow's."""

    def collect(self) -> list[pytest.Item | pytest.Collector]:
        self.add_marker(pytest.mark.filterwarnings("ignore"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return list(super().collect())


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Take ``example_*.py`` for tests; pytest itself takes what is named on its command line."""
    if file_path.match("example_*.py") and not parent.session.isinitpath(file_path):
        return pytest_pycollect_makemodule(file_path, parent)
    return None


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module:
    return Example.from_parent(parent, path=module_path)


@pytest.fixture(scope="package", autouse=True)
def flyte_default(airflow_database: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The connection that the Dags use."""
    if CONNECTION in os.environ:
        yield
        return
    folder = tmp_path_factory.mktemp("flyte")
    with flyte.running(folder, *flyte.SYSTEM_TESTS_LAUNCH) as sandbox, pytest.MonkeyPatch.context() as patch:
        patch.setenv(CONNECTION, json.dumps(flyte.connection(sandbox)))
        yield


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dags are run as they are written, so patience is a setting."""
    monkeypatch.setenv("AIRFLOW__FLYTE__DEFER_AFTER", "0")
    monkeypatch.setenv("AIRFLOW__FLYTE__POLL_INTERVAL", "0.2")
