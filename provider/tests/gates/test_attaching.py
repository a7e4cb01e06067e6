"""An Airflow that knows nothing of this repository gets the wheel and the connection line, and launches.

What ``airflyte doctor --airflow URL`` says on the way is what is missing there. Slow: a whole Airflow is
installed apart for each version.
"""

from __future__ import annotations

import dataclasses
import os
import shlex
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ..stack import flyte
from ..stack.airflow import wait_until
from .environments import CHECKOUT, Environment, build_wheel, plain_environ, run

connection = pytest.importorskip("airflyte.airflow.connection")
attached = pytest.importorskip("airflyte.checks.attached")
settings = pytest.importorskip("airflyte.settings")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

USER, PASSWORD = "admin", "admin"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """An embedded Flyte that has the workflow of the hello Dag."""
    with flyte.running(tmp_path_factory.mktemp("flyte"), "basics/hello_world.py") as sandbox:
        yield sandbox


class Apart:
    """An Airflow of somebody's own."""

    def __init__(self, folder: Path, version: str) -> None:
        self.is_2 = version.startswith("2.")
        self.environment = Environment(folder / "env")
        self.environment.install(f"apache-airflow=={version}.*")
        self.home = folder / "home"
        (self.home / "dags").mkdir(parents=True)
        shutil.copy(CHECKOUT / "dags" / "hello_flyte.py", self.home / "dags")
        web, worker_logs, trigger_logs = (str(port) for port in free_ports(3))
        self.url = f"http://localhost:{web}"
        self.environ = plain_environ(
            PATH=f"{self.environment.bin('')}{os.pathsep}{os.environ['PATH']}",
            AIRFLOW_HOME=str(self.home),
            AIRFLOW__CORE__LOAD_EXAMPLES="False",
            AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION="False",
            AIRFLOW__CORE__TEST_CONNECTION="Enabled",
            AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS="True",
            AIRFLOW__CORE__EXECUTION_API_SERVER_URL=f"{self.url}/execution/",
            AIRFLOW__API__PORT=web,
            AIRFLOW__API__BASE_URL=self.url,
            AIRFLOW__API__AUTH_BACKENDS="airflow.providers.fab.auth_manager.api.auth.backend.basic_auth",
            AIRFLOW__WEBSERVER__WEB_SERVER_PORT=web,
            AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT=worker_logs,
            AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT=trigger_logs,
        )
        self.airflow("db", "migrate")
        if self.is_2:
            names = ("--firstname", "A", "--lastname", "A", "--email", "a@example.com", "--role", "Admin")
            self.airflow("users", "create", "--username", USER, "--password", PASSWORD, *names)

    def airflow(self, *words: str) -> str:
        return run(self.environment.bin("airflow"), *words, environ=self.environ)

    @contextmanager
    def running(self) -> Iterator[Any]:
        """Run ``airflow standalone``; yield its REST API."""
        with (self.home / "standalone.log").open("ab") as log:
            process = subprocess.Popen(
                [self.environment.bin("airflow"), "standalone"],
                env=self.environ,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            api = attached.ForeignAirflow(self.url, *self.login)
            wait_until(lambda: self._answers(api), 180, f"Airflow at {self.url}")
            assert api.log_in()
            yield api
        finally:
            # The whole group: of a SIGTERM to its first process its children would hear nothing.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(60)

    @property
    def login(self) -> tuple[str, str]:
        return (USER, PASSWORD) if self.is_2 else ("", "")

    def _answers(self, api: Any) -> bool:
        try:
            return api.read_version() is not None and self._has_triggerer(api)
        except OSError:
            return False

    def _has_triggerer(self, api: Any) -> bool:
        health = api.get("/health" if self.is_2 else "/monitor/health").body or {}
        return bool((health.get("triggerer") or {}).get("status") == "healthy")


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in sockets]
    for probe in sockets:
        probe.close()
    return ports


def doctor(apart: Apart, flyte_port: int, folder: Path) -> dict[str, str]:
    """Return what doctor says, level and advice keyed by what it looked at."""
    stack = settings.load(folder, {})
    stack = dataclasses.replace(stack, port_offset=flyte_port - stack.ports.flyte)
    findings = attached.examine(stack, apart.url, *apart.login)
    return {finding.name: f"{finding.level} {finding.text} {finding.advice}".strip() for finding in findings}


@pytest.mark.parametrize("version", ["2.11", "3.3"])
def test_the_hello_dag_is_green(sandbox: Any, tmp_path: Path, version: str) -> None:
    flyte_port = int(sandbox.endpoint.rpartition(":")[2])
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    apart = Apart(tmp_path, version)
    with apart.running():
        said = doctor(apart, flyte_port, checkout)
        assert said["airflow"].startswith(f"ok {version}")
        assert said["provider"].startswith("failure airflow-provider-flyte is not installed there")
        assert said["connection"].startswith("warning")

    apart.environment.install(build_wheel(tmp_path / "wheel"))
    line = shlex.split(connection.as_command(flyte_port))
    apart.airflow(*line[1:])
    with apart.running() as api:
        wait_until(lambda: api.get("/dags/hello_flyte").status == 200, 120, "the hello Dag")
        said = doctor(apart, flyte_port, checkout)
        assert {name: text.split()[0] for name, text in said.items()} == dict.fromkeys(said, "ok"), said
        assert len(said) == 5

        body = {"dag_run_id": "hello", "conf": {}} | ({} if apart.is_2 else {"logical_date": None})
        assert api.post("/dags/hello_flyte/dagRuns", body).status == 200
        run_path = "/dags/hello_flyte/dagRuns/hello"
        ends = ("success", "failed")
        state = wait_until(
            lambda: next((end for end in ends if api.get(run_path).body["state"] == end), None),
            180,
            "the end",
        )
        assert state == "success"
        xcom = api.get(f"{run_path}/taskInstances/say_hello/xcomEntries/return_value").body
        assert "Hello, Airflow!" in str(xcom["value"])
