"""An Airflow that no stack has made: somebody's own environment, home and processes."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import psutil

from .checkout import REPOSITORY, Checkout, run
from .eventually import eventually

USER, PASSWORD = "admin", "admin"
UP_SECONDS = 240
RUN_SECONDS = 180


class ForeignAirflow:
    """An Airflow with the Dag ``hello_flyte``, installed and migrated, not running yet.

    :param folder: an empty one of its own
    :param version: as in ``2.11``, of which the newest is taken
    :param checkout: whose shell it lives in, with a home of its own
    """

    def __init__(self, folder: Path, version: str, checkout: Checkout) -> None:
        self.is_2 = version.startswith("2.")
        self._folder = folder
        self._python = folder / "env" / "bin" / "python"
        ports = [str(port) for port in _free_ports(3)]
        self.url = f"http://localhost:{ports[0]}"
        self.environment = {**checkout.environment(), **self._settings(*ports)}
        self._uv("venv", "--python", sys.executable, folder / "env")
        self.install(f"apache-airflow=={version}.*")
        (folder / "dags").mkdir()
        shutil.copy(REPOSITORY / "dags" / "hello_flyte.py", folder / "dags")
        self.type("airflow", "db", "migrate")
        if self.is_2:
            names = ("--firstname", "A", "--lastname", "A", "--email", "a@example.com", "--role", "Admin")
            self.type("airflow", "users", "create", "--username", USER, "--password", PASSWORD, *names)

    def _settings(self, web: str, worker_logs: str, trigger_logs: str) -> dict[str, str]:
        return {
            "HOME": str(self._folder),
            "TMPDIR": str(self._folder),
            "PATH": f"{self._python.parent}{os.pathsep}/usr/bin:/bin",
            "AIRFLOW_HOME": str(self._folder),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__API__PORT": web,
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__AUTH_BACKENDS": "airflow.providers.fab.auth_manager.api.auth.backend.basic_auth",
            "AIRFLOW__WEBSERVER__WEB_SERVER_PORT": web,
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": worker_logs,
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": trigger_logs,
        }

    # -- its shell -------------------------------------------------------------------------------------------

    def install(self, *what: str | Path) -> None:
        """Install into its environment."""
        self._uv("pip", "install", "--python", self._python, *what)

    def type(self, *line: str) -> str:
        """Type a command, which must go well."""
        return run(line, self._folder, self.environment).check().output

    def _uv(self, *words: str | Path) -> None:
        self.type(str(Path(sys.executable).with_name("uv")), *map(str, words))

    # -- its processes ---------------------------------------------------------------------------------------

    @contextmanager
    def running(self) -> Iterator[None]:
        """``airflow standalone``, with all its parts up."""
        with (self._folder / "standalone.log").open("ab") as log:
            process = subprocess.Popen(
                [self._python.with_name("airflow"), "standalone"],
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            eventually(self._is_up, UP_SECONDS, tolerating=(httpx.HTTPError,))
            yield
        finally:
            # One by one: a SIGTERM to the first would not reach its children, and 2.11's scheduler gives its
            # Dag processor a process group of its own.
            for each in [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]:
                with suppress(psutil.NoSuchProcess):
                    each.kill()
            process.wait(60)

    def _is_up(self) -> bool:
        health = self.get("/health" if self.is_2 else "/monitor/health").json()
        return bool(health["triggerer"]["status"] == "healthy")

    # -- its REST API ----------------------------------------------------------------------------------------

    @property
    def login(self) -> dict[str, str]:
        """For ``make doctor``; everybody is admin in an Airflow 3 of this kind."""
        return {"ATTACHED_AIRFLOW_USER": USER, "ATTACHED_AIRFLOW_PASSWORD": PASSWORD} if self.is_2 else {}

    def get(self, path: str) -> httpx.Response:
        """Whatever the answer is."""
        return self._client.get(path)

    def run_dag(self, dag_id: str) -> str:
        """Run a Dag, which may be new to Airflow, to its end.

        :return: its state then.
        """
        eventually(lambda: self.get(f"/dags/{dag_id}").is_success, UP_SECONDS)
        body: dict[str, Any] = {"dag_run_id": "hello"} | ({} if self.is_2 else {"logical_date": None})
        self._client.post(f"/dags/{dag_id}/dagRuns", json=body).raise_for_status()
        return eventually(lambda: self._end_of(f"/dags/{dag_id}/dagRuns/hello"), RUN_SECONDS)

    def _end_of(self, path: str) -> str | None:
        state = str(self.get(path).json()["state"])
        return state if state in ("success", "failed") else None

    @cached_property
    def _client(self) -> httpx.Client:
        limits = httpx.Limits(max_keepalive_connections=0)  # nothing to close when the story is over
        plain = {"trust_env": False, "timeout": 30, "limits": limits}
        if self.is_2:
            return httpx.Client(base_url=f"{self.url}/api/v1", auth=(USER, PASSWORD), **plain)
        token = httpx.get(f"{self.url}/auth/token", trust_env=False).raise_for_status().json()
        headers = {"Authorization": f"Bearer {token['access_token']}"}
        return httpx.Client(base_url=f"{self.url}/api/v2", headers=headers, **plain)


def _free_ports(count: int) -> Sequence[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in sockets]
    for probe in sockets:
        probe.close()
    return ports
