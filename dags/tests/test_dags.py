"""The example Dags load without an error or a warning, and are what their readers are told."""

from __future__ import annotations

import os
import runpy
import tempfile
import warnings
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="airflyte-dags-"))
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"

FOLDER = Path(__file__).parents[1]
PIMA = "ml_training.pima_diabetes.diabetes.diabetes_xgboost_model"


@pytest.fixture(scope="module")
def dags() -> dict[str, Any]:
    """All Dags of the folder, by their id, loaded as Airflow loads them."""
    with warnings.catch_warnings():
        # Airflow's own modules warn about each other here; what the Dags do is looked at below.
        warnings.simplefilter("ignore")
        try:
            from airflow.dag_processing.dagbag import DagBag
        except ImportError:
            from airflow.models.dagbag import DagBag
        bag = DagBag(dag_folder=str(FOLDER))
    assert bag.import_errors == {}
    return dict(bag.dags)


def test_each_file_has_the_dag_of_its_name(dags: dict[str, Any]) -> None:
    assert sorted(dags) == sorted(path.stem for path in FOLDER.glob("*.py"))


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_a_dag_file_raises_no_warning(path: Path, dags: dict[str, Any]) -> None:
    runpy.run_path(str(path))


def test_no_dag_runs_by_itself_and_each_says_what_to_expect(dags: dict[str, Any]) -> None:
    for dag in dags.values():
        assert dag.catchup is False
        assert "Null" in type(dag.timetable).__name__
        assert "flyte" in dag.tags
        assert "**What you should see**" in dag.doc_md


def test_the_readme_names_every_dag(dags: dict[str, Any]) -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert [dag_id for dag_id in dags if f"`{dag_id}`" not in readme] == []


def test_no_dag_imports_a_workflow() -> None:
    for path in FOLDER.glob("*.py"):
        source = path.read_text(encoding="utf-8")
        assert "flytekit" not in source
        assert "import ml_training" not in source
        assert "from ml_training" not in source


def test_the_example_is_the_one_that_tutorials_show(dags: dict[str, Any]) -> None:
    dag = dags["example_flyte"]
    predictions, sensor = dag.get_task("diabetes_predictions"), dag.get_task("sensor")
    assert predictions.flyte_conn_id == sensor.flyte_conn_id == "flyte_conn"
    assert (predictions.project, predictions.domain) == ("flytesnacks", "development")
    assert predictions.launchplan_name == PIMA
    assert predictions.inputs == {"test_split_ratio": 0.66, "seed": 5}
    assert sensor.upstream_task_ids == {"diabetes_predictions"}


def test_the_output_reaches_the_airflow_task(dags: dict[str, Any]) -> None:
    dag = dags["flyte_outputs_to_airflow"]
    assert dag.get_task("train").launchplan_name == PIMA
    assert dag.get_task("judge").upstream_task_ids == {"train"}
