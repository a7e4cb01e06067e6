"""Names, annotations and labels of executions."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyte_provider._launch import identity as ids
from flyte_provider._launch.identity import Coordinates

HERE = Coordinates("dag", "run", "task")
CHANGES: list[dict[str, Any]] = [
    {"dag_id": "x"},
    {"run_id": "x"},
    {"task_id": "x"},
    {"map_index": 0},
    {"region_id": "x"},
    {"namespace": "x"},
]


@given(st.builds(Coordinates, st.text(), st.text(), st.text(), st.integers(-1, 9)), st.integers(1, 99))
def test_a_name_is_one_that_flyte_accepts(coordinates: Coordinates, try_number: int) -> None:
    name = ids.execution_name(coordinates, try_number)
    assert len(name) == 20
    assert re.fullmatch(r"[a-z][a-z\-0-9]*", name)


@pytest.mark.parametrize("change", CHANGES)
def test_every_coordinate_is_in_the_name_and_the_identity(change: dict[str, Any]) -> None:
    there = replace(HERE, **change)
    assert ids.execution_name(there, 1) != ids.execution_name(HERE, 1)
    assert ids.identity(there, "lp", {}) != ids.identity(HERE, "lp", {})


def test_coordinates_do_not_run_into_each_other() -> None:
    one, other = replace(HERE, dag_id="ab", run_id="c"), replace(HERE, dag_id="a", run_id="bc")
    assert ids.execution_name(one, 1) != ids.execution_name(other, 1)


def test_tries_and_salts_have_names_of_their_own() -> None:
    names = {ids.execution_name(HERE, 1), ids.execution_name(HERE, 2), ids.execution_name(HERE, 1, "salt")}
    assert len(names) == 3


def test_a_name_depends_on_nothing_else() -> None:
    later = replace(HERE, try_number=9, epoch=3, clear_number=2, run_started_at=datetime.now(timezone.utc))
    assert ids.execution_name(later, 1) == ids.execution_name(HERE, 1)


def test_a_name_never_changes_between_releases() -> None:
    """A change here makes running executions unknown to the tasks that launched them."""
    name = ids.execution_name(Coordinates("example_flyte", "manual__2024", "t"), 1)
    assert name == "aa362e4389a5bc12d5d4"


def test_inputs_and_entity_are_in_the_identity_and_tries_are_not() -> None:
    base = ids.identity(HERE, "lp", {"a": 1, "b": 2})
    assert ids.identity(HERE, "lp", {"b": 2, "a": 1}) == base
    assert ids.identity(replace(HERE, try_number=5, clear_number=1), "lp", {"a": 1, "b": 2}) == base
    assert ids.identity(HERE, "lp", {"a": 1, "b": 3}) != base
    assert ids.identity(HERE, "lp2", {"a": 1, "b": 2}) != base


def test_odd_inputs_have_an_identity_too() -> None:
    inputs = {"when": datetime(2024, 1, 1), "wait": timedelta(1), "s": {1}}
    assert ids.identity(HERE, "lp", inputs) == ids.identity(HERE, "lp", dict(inputs))


def test_annotations_say_whose_an_execution_is() -> None:
    written = ids.make_annotations(replace(HERE, namespace="ns"), "digest")
    assert written == {
        "airflow.apache.org/dag_id": "dag",
        "airflow.apache.org/run_id": "run",
        "airflow.apache.org/task_id": "task",
        "airflow.apache.org/map_index": "-1",
        "airflow.apache.org/try_number": "1",
        "airflow.apache.org/clear_number": "0",
        "airflow.apache.org/identity": "digest",
        "airflow.apache.org/namespace": "ns",
    }


@pytest.mark.parametrize("change", [change for change in CHANGES if "region_id" not in change])
def test_annotations_of_others_do_not_belong_to_a_task(change: dict[str, Any]) -> None:
    written = ids.make_annotations(HERE, "d")
    assert ids.belongs_to_task(written, replace(HERE, try_number=7))
    assert not ids.belongs_to_task(written, replace(HERE, **change))


def test_what_belongs_to_a_run_belongs_to_all_its_tasks() -> None:
    written = ids.make_annotations(HERE, "d")
    assert ids.belongs_to_run(written, replace(HERE, task_id="other", map_index=3))
    assert not ids.belongs_to_run(written, replace(HERE, run_id="other"))
    assert not ids.belongs_to_run(written, replace(HERE, dag_id="other"))
    assert not ids.belongs_to_run(written, replace(HERE, namespace="other"))
    assert not ids.belongs_to_run({}, HERE)


def test_labels_are_what_kubernetes_accepts() -> None:
    there = Coordinates("dag", "manual__2024-01-01T00:00:00+00:00", "ü" * 80)
    labels = ids.make_labels(there, {})
    assert labels["airflow.apache.org/run_id"] == "manual__2024-01-01T00_00_00_00_00"
    for value in labels.values():
        assert re.fullmatch(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?", value)


def test_the_users_labels_win_and_the_limit_is_kept() -> None:
    assert ids.make_labels(HERE, {"airflow.apache.org/dag_id": "mine"})["airflow.apache.org/dag_id"] == "mine"
    many = {f"k{index}": "v" for index in range(14)}
    assert ids.make_labels(HERE, many) == many


def test_the_salt_is_the_runs_start_in_utc() -> None:
    assert ids.salt_of_run(HERE) == ""
    start = datetime(2024, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    assert ids.salt_of_run(replace(HERE, run_started_at=start)) == "2024-01-01T00:00:00+00:00"


def test_the_first_try_of_an_epoch_is_known() -> None:
    assert HERE.is_first_try
    assert not replace(HERE, try_number=2).is_first_try
    assert replace(HERE, try_number=3, epoch=2).is_first_try
    assert not replace(HERE, try_number=4, epoch=2).is_first_try


def test_coordinates_read_well() -> None:
    assert str(replace(HERE, map_index=3)) == "dag.task[3] of run run"


@pytest.mark.parametrize(
    ("theirs", "ours", "is_another"), [("a", "b", True), ("a", "a", False), ("", "b", False)]
)
def test_runs_of_one_id_are_told_apart_by_their_key(theirs: str, ours: str, is_another: bool) -> None:
    values = ids.make_annotations(replace(HERE, run_key=theirs), "digest")
    here = replace(HERE, run_key=ours)
    assert ids.is_of_another_run(values, here) is is_another
    assert ids.belongs_to_run(values, here) is not is_another
