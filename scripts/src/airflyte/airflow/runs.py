"""Dag runs: starting one, and looking at it until it ends."""

from __future__ import annotations

import dataclasses
import http
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from airflyte.airflow.rest import AirflowApi, AirflowApiError, segment
from airflyte.errors import AirflyteError

T = TypeVar("T")

LOOK_SECONDS = 0.5
PARSE_SECONDS = 60.0
"""How long a Dag may take to be known to a fresh Airflow."""
SILENCE_SECONDS = 60.0
"""How long Airflow may say nothing before that is taken for its end."""
FINAL = frozenset({"success", "failed"})


@dataclasses.dataclass(frozen=True)
class DagRun:
    """A Dag run as it was at one look.

    :param state: Airflow's word for it.
    :param tasks: state by task id, in the order in which they started; None is Airflow's "not yet".
    """

    dag_id: str
    run_id: str
    state: str
    tasks: Mapping[str, str | None]

    @property
    def is_final(self) -> bool:
        return self.state in FINAL

    def describe(self) -> str:
        """All in one line."""
        tasks = ", ".join(f"{task} {state or 'waiting'}" for task, state in self.tasks.items())
        return f"{self.dag_id} {self.state}" + (f": {tasks}" if tasks else "")


def trigger(api: AirflowApi, dag_id: str, say: Callable[[str], object]) -> str:
    """Start a run and return its id; waits for the Dag to be known.

    :raises AirflyteError: when Airflow does not know the Dag in time, or cannot import it.
    """
    deadline = time.monotonic() + PARSE_SECONDS
    while _patiently(lambda: api.find(f"/dags/{segment(dag_id)}")) is None:
        say(f"waiting for Airflow to read the Dag {dag_id}")
        problem = _import_error(api, dag_id)
        if problem or time.monotonic() > deadline:
            problem = problem or _import_error(api) or "is its file in dags/?"
            raise AirflyteError(f"Airflow knows no Dag {dag_id}: {problem}")
        time.sleep(LOOK_SECONDS)
    run_id = time.strftime("airflyte__%Y-%m-%dT%H-%M-%SZ", time.gmtime())
    _patiently(lambda: _start(api, dag_id, run_id))
    return run_id


def follow(api: AirflowApi, dag_id: str, run_id: str, limit_seconds: float) -> Iterator[DagRun]:
    """Look at a run until it is over; the last one yielded is the end.

    :raises AirflyteError: when it is not over in time; the run itself goes on.
    """
    deadline = time.monotonic() + limit_seconds
    while True:
        run = _patiently(lambda: look(api, dag_id, run_id))
        yield run
        if run.is_final:
            return
        if time.monotonic() > deadline:
            raise AirflyteError(f"{run.describe()} after {limit_seconds:.0f} seconds; it goes on in Airflow.")
        time.sleep(LOOK_SECONDS)


def look(api: AirflowApi, dag_id: str, run_id: str) -> DagRun:
    """A run as it is now."""
    path = run_path(dag_id, run_id)
    state = api.get(path)["state"]
    instances: list[dict[str, Any]] = api.get(f"{path}/taskInstances")["task_instances"]
    instances.sort(key=lambda instance: (instance["start_date"] is None, instance["start_date"] or ""))
    return DagRun(dag_id, run_id, state, {each["task_id"]: each["state"] for each in instances})


def pushed(api: AirflowApi, run: DagRun, task_id: str, key: str) -> object:
    """The XCom of that key that a task has pushed, or None."""
    path = f"{run_path(run.dag_id, run.run_id)}/taskInstances/{segment(task_id)}/xcomEntries/{segment(key)}"
    entry = api.find(path)
    return entry["value"] if entry else None


def last_log_lines(api: AirflowApi, run: DagRun, task_id: str, count: int = 20) -> list[str]:
    """The end of a task's log of its first try, for a message about its failure."""
    path = f"{run_path(run.dag_id, run.run_id)}/taskInstances/{segment(task_id)}/logs/1?full_content=true"
    try:
        content = api.get(path)["content"]
    except (AirflowApiError, KeyError, OSError):
        return []
    return [line for entry in content for line in _log_lines(entry)][-count:]


def run_path(dag_id: str, run_id: str) -> str:
    """A run's path below ``/api/v2``."""
    return f"/dags/{segment(dag_id)}/dagRuns/{segment(run_id)}"


def run_url(base_url: str, dag_id: str, run_id: str) -> str:
    """The page of a run in Airflow's UI."""
    return f"{base_url}/dags/{segment(dag_id)}/runs/{segment(run_id)}"


def _start(api: AirflowApi, dag_id: str, run_id: str) -> None:
    """Create a run under this id; when it is there already, the answer to an earlier try was lost."""
    try:
        api.post(f"/dags/{segment(dag_id)}/dagRuns", {"dag_run_id": run_id, "logical_date": None})
    except AirflowApiError as error:
        if error.code != http.HTTPStatus.CONFLICT:
            raise


def _patiently(call: Callable[[], T]) -> T:
    """Call again when Airflow does not answer: the run itself can keep a small machine busy."""
    deadline = time.monotonic() + SILENCE_SECONDS
    while True:
        try:
            return call()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(LOOK_SECONDS)


def _log_lines(entry: object) -> list[str]:
    """An entry of a log as lines: what was raised is beside the event, and marks for the UI are left out."""
    if not isinstance(entry, dict):
        return str(entry).splitlines()
    event = str(entry.get("event", ""))
    raised = [f"{each['exc_type']}: {each['exc_value']}" for each in entry.get("error_detail") or []]
    texts = [] if event.startswith(("::group::", "::endgroup::")) else [event]
    return [line for text in [*texts, *raised] for line in text.splitlines()]


def _import_error(api: AirflowApi, dag_id: str | None = None) -> str | None:
    """Why Airflow could not import a Dag file: the one named as the Dag if an id is given, else any."""
    for error in api.get("/importErrors")["import_errors"]:
        if dag_id is None or Path(error["filename"]).stem == dag_id:
            return (
                f"Airflow cannot import {error['filename']}: {error['stack_trace'].strip().splitlines()[-1]}"
            )
    return None
