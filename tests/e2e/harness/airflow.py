"""Airflow's REST API, as a user's script would call it."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx

from .eventually import eventually

DAG_SECONDS = 60
RUN_SECONDS = 120
TERMINAL = {"success", "failed", "skipped", "upstream_failed", "removed"}


class Airflow:
    """A client.

    :param port: of the API server on this machine.
    """

    def __init__(self, port: int, user: str, password: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._login = {"username": user, "password": password}

    def trigger(self, dag_id: str, **conf: object) -> DagRun:
        """Start a run of a Dag, which may be new to Airflow.

        :param conf: the run's configuration.
        """
        eventually(lambda: self.find(f"/dags/{dag_id}"), DAG_SECONDS)
        body = {"logical_date": None, "conf": conf}
        return DagRun(self, dag_id, str(self.call("POST", f"/dags/{dag_id}/dagRuns", body)["dag_run_id"]))

    def runs(self, dag_id: str) -> dict[str, str]:
        """State of every run of a Dag by its id."""
        found = self.call("GET", f"/dags/{dag_id}/dagRuns")["dag_runs"]
        return {run["dag_run_id"]: run["state"] for run in found}

    def find(self, path: str) -> Any | None:
        """What is there, or None."""
        answer = self._client.get(f"/api/v2{path}")
        return None if answer.status_code == httpx.codes.NOT_FOUND else _content(answer)

    def call(self, method: str, path: str, body: object = None) -> Any:
        """One call below ``/api/v2``, which must go well."""
        return _content(self._client.request(method, f"/api/v2{path}", json=body))

    @cached_property
    def _client(self) -> httpx.Client:
        token = _content(httpx.post(f"{self.url}/auth/token", json=self._login, trust_env=False))
        headers = {"Authorization": f"Bearer {token['access_token']}"}
        limits = httpx.Limits(max_keepalive_connections=0)  # nothing to close when the story is over
        return httpx.Client(base_url=self.url, headers=headers, trust_env=False, timeout=15, limits=limits)


@dataclass(frozen=True)
class DagRun:
    """One run of a Dag."""

    airflow: Airflow
    dag_id: str
    run_id: str

    @property
    def state(self) -> str:
        """Airflow's word for it."""
        return str(self.airflow.call("GET", self._path)["state"])

    def wait(self, seconds: float = RUN_SECONDS) -> str:
        """Wait until it is over.

        :return: its state then.
        """
        return eventually(lambda: _one_of(TERMINAL, self.state), seconds)

    def task(self, task_id: str) -> DagTask:
        """One of its tasks."""
        return DagTask(self.airflow, f"{self._path}/taskInstances/{task_id}")

    @property
    def _path(self) -> str:
        return f"/dags/{self.dag_id}/dagRuns/{self.run_id}"


@dataclass(frozen=True)
class DagTask:
    """One task of one Dag run.

    :param path: below ``/api/v2``.
    """

    airflow: Airflow
    path: str

    @property
    def state(self) -> str | None:
        """Airflow's word for it; None is its "not yet"."""
        state: str | None = self.airflow.call("GET", self.path)["state"]
        return state

    @property
    def is_in_triggerer(self) -> bool:
        """Whether a triggerer has taken it over, which happens a moment after it was deferred."""
        return bool(self.airflow.call("GET", self.path)["triggerer_job"])

    def wait_for(self, *states: str, seconds: float = RUN_SECONDS) -> str:
        """Wait until it is in one of these states.

        :return: which one.
        """
        return eventually(lambda: _one_of(states, self.state), seconds)

    def wait(self, seconds: float = RUN_SECONDS) -> str:
        """Wait until it is over.

        :return: its state then.
        """
        return self.wait_for(*TERMINAL, seconds=seconds)

    def mark_failed(self) -> None:
        """As the button in Airflow's UI does."""
        self.airflow.call("PATCH", self.path, {"new_state": "failed"})

    def xcom(self, key: str) -> Any:
        """What it has pushed by now, or None."""
        entry = self.airflow.find(f"{self.path}/xcomEntries/{key}")
        return None if entry is None else entry["value"]

    @property
    def execution_name(self) -> str:
        """The Flyte execution that it has launched, which it says as soon as there is one."""
        return str(eventually(lambda: self.xcom("flyte_execution"))["name"])

    @property
    def links(self) -> dict[str, str | None]:
        """Its extra links by name, as its page shows them."""
        found: dict[str, str | None] = self.airflow.call("GET", f"{self.path}/links")["extra_links"]
        return found

    def log(self, attempt: int = 1) -> str:
        """The log of a try, one event a line."""
        content = self.airflow.call("GET", f"{self.path}/logs/{attempt}?full_content=true")["content"]
        return "\n".join(_line(entry) for entry in content)


def _one_of(states: Container[str], state: str | None) -> str | None:
    return state if state in states else None


def _line(entry: Any) -> str:
    """An event with what hangs on it: an error's text is not in the event itself."""
    if not isinstance(entry, dict):
        return str(entry)
    errors = [f"{error['exc_type']}: {error['exc_value']}" for error in entry.get("error_detail") or []]
    return " | ".join([str(entry.get("event", "")), *errors])


def _content(answer: httpx.Response) -> Any:
    asked = f"{answer.request.method} {answer.request.url}"
    assert answer.is_success, f"{asked}: {answer.status_code} {answer.text}"
    return answer.json() if answer.content else None
