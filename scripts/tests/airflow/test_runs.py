"""A Dag run is started once its Dag is known, and followed to its end."""

from __future__ import annotations

from typing import Any

import pytest

from airflyte.airflow import runs
from airflyte.airflow.rest import AirflowApi, AirflowApiError
from airflyte.errors import AirflyteError

from .conftest import FakeAirflow

DAG, RUN = "/api/v2/dags/example_flyte", "/api/v2/dags/example_flyte/dagRuns/manual__1%2B00%3A00"
RUN_ID = "manual__1+00:00"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "LOOK_SECONDS", 0.01)


def in_turn(*answers: Any) -> Any:
    """Each answer once, the last one for ever."""
    left = list(answers)
    return lambda _: (200, left.pop(0) if len(left) > 1 else left[0])


def task(name: str, state: str | None, start: str | None = None) -> dict[str, Any]:
    return {"task_id": name, "state": state, "start_date": start}


def test_a_run_is_started_when_the_dag_has_become_known(airflow: FakeAirflow, api: AirflowApi) -> None:
    looks = iter([404, 404, 200])
    airflow.answers["GET", DAG] = lambda _: (next(looks), {"detail": "not yet"})
    airflow.answers["GET", "/api/v2/importErrors"] = 200, {"import_errors": []}
    airflow.answers["POST", f"{DAG}/dagRuns"] = 200, {}
    said: list[str] = []
    run_id = runs.trigger(api, "example_flyte", said.append)
    assert airflow.requests[-1][2] == {"dag_run_id": run_id, "logical_date": None}
    assert set(said) == {"waiting for Airflow to read the Dag example_flyte"}


def test_a_start_whose_answer_was_lost_is_not_made_twice(airflow: FakeAirflow, api: AirflowApi) -> None:
    airflow.answers["GET", DAG] = 200, {}
    airflow.answers["POST", f"{DAG}/dagRuns"] = 409, {"detail": "it exists"}
    assert runs.trigger(api, "example_flyte", lambda _: None).startswith("airflyte__")


def test_a_refusal_to_start_is_told(airflow: FakeAirflow, api: AirflowApi) -> None:
    airflow.answers["GET", DAG] = 200, {}
    airflow.answers["POST", f"{DAG}/dagRuns"] = 400, {"detail": "Dag is paused"}
    with pytest.raises(AirflowApiError, match="Dag is paused"):
        runs.trigger(api, "example_flyte", lambda _: None)


def test_silence_is_borne_for_a_while(
    airflow: FakeAirflow, api: AirflowApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([ConnectionResetError("busy"), ConnectionResetError("busy"), {"state": "success"}])

    def answer(path: str) -> Any:
        if path.endswith("taskInstances"):
            return {"task_instances": []}
        found = next(answers)
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(api, "get", answer)
    assert [look.state for look in runs.follow(api, "example_flyte", RUN_ID, 10)] == ["success"]
    monkeypatch.setattr(runs, "SILENCE_SECONDS", 0.0)
    answers = iter([ConnectionResetError("gone")])
    with pytest.raises(OSError, match="gone"):
        list(runs.follow(api, "example_flyte", RUN_ID, 10))


def test_a_dag_that_cannot_be_imported_is_named_at_once(airflow: FakeAirflow, api: AirflowApi) -> None:
    airflow.answers["GET", "/api/v2/importErrors"] = (
        200,
        {
            "import_errors": [
                {"filename": "other.py", "stack_trace": "NameError: x"},
                {
                    "filename": "dags/example_flyte.py",
                    "stack_trace": "Traceback …\nImportError: no flyte_provider\n",
                },
            ]
        },
    )
    with pytest.raises(
        AirflyteError, match=r"cannot import dags/example_flyte\.py: ImportError: no flyte_provider"
    ):
        runs.trigger(api, "example_flyte", lambda _: None)


def test_a_dag_that_never_comes_is_given_up(
    airflow: FakeAirflow, api: AirflowApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "PARSE_SECONDS", 0.05)
    airflow.answers["GET", "/api/v2/importErrors"] = 200, {"import_errors": []}
    with pytest.raises(AirflyteError, match="knows no Dag example_flyte: is its file in dags/"):
        runs.trigger(api, "example_flyte", lambda _: None)


def test_a_run_is_followed_to_its_end_with_tasks_in_the_order_they_started(
    airflow: FakeAirflow, api: AirflowApi
) -> None:
    airflow.answers["GET", RUN] = in_turn({"state": "queued"}, {"state": "running"}, {"state": "success"})
    airflow.answers["GET", f"{RUN}/taskInstances"] = in_turn(
        {"task_instances": []},
        {"task_instances": [task("sensor", None), task("train", "running", "2026-01-01")]},
        {"task_instances": [task("sensor", "success", "2026-01-02"), task("train", "success", "2026-01-01")]},
    )
    looks = [look.describe() for look in runs.follow(api, "example_flyte", RUN_ID, 10)]
    assert looks == [
        "example_flyte queued",
        "example_flyte running: train running, sensor waiting",
        "example_flyte success: train success, sensor success",
    ]


def test_a_run_that_does_not_end_in_time_goes_on(airflow: FakeAirflow, api: AirflowApi) -> None:
    airflow.answers["GET", RUN] = 200, {"state": "running"}
    airflow.answers["GET", f"{RUN}/taskInstances"] = 200, {"task_instances": []}
    with pytest.raises(AirflyteError, match="example_flyte running after 0 seconds; it goes on in Airflow"):
        list(runs.follow(api, "example_flyte", RUN_ID, 0))


def test_the_end_of_a_log_is_shown_in_whatever_form_airflow_gives_it(
    airflow: FakeAirflow, api: AirflowApi
) -> None:
    run = runs.DagRun("example_flyte", RUN_ID, "failed", {})
    path = f"{RUN}/taskInstances/train/logs/1?full_content=true"
    airflow.answers["GET", path] = 200, {"content": [{"event": "first"}, {"event": "second\nthird"}]}
    assert runs.last_log_lines(api, run, "train", count=2) == ["second", "third"]
    assert runs.last_log_lines(api, run, "unknown") == []


def test_what_was_raised_is_shown_and_marks_for_the_ui_are_not(airflow: FakeAirflow, api: AirflowApi) -> None:
    run = runs.DagRun("example_flyte", RUN_ID, "failed", {})
    path = f"{RUN}/taskInstances/train/logs/1?full_content=true"
    raised = [{"exc_type": "FlyteInputError", "exc_value": "input 'nam': unknown", "frames": []}]
    airflow.answers["GET", path] = (
        200,
        {
            "content": [
                {"event": "::group::Pre Execute"},
                {"event": "Task failed with exception", "error_detail": raised},
                {"event": "::endgroup::", "error_detail": None},
            ]
        },
    )
    assert runs.last_log_lines(api, run, "train") == [
        "Task failed with exception",
        "FlyteInputError: input 'nam': unknown",
    ]


def test_what_a_task_has_pushed_is_found_by_its_key(airflow: FakeAirflow, api: AirflowApi) -> None:
    run = runs.DagRun("example_flyte", RUN_ID, "success", {})
    airflow.answers["GET", f"{RUN}/taskInstances/train/xcomEntries/flyte_execution"] = (
        200,
        {"value": {"name": "a1"}},
    )
    assert runs.pushed(api, run, "train", "flyte_execution") == {"name": "a1"}
    assert runs.pushed(api, run, "train", "return_value") is None


def test_the_page_of_a_run_has_its_id_quoted() -> None:
    url = runs.run_url("http://localhost:8080", "example_flyte", RUN_ID)
    assert url == "http://localhost:8080/dags/example_flyte/runs/manual__1%2B00%3A00"
