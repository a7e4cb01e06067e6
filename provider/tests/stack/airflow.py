"""A whole Airflow of a test's own: its processes, LocalExecutor, SQLite, and its REST API.

Airflow 3.1 and newer. The plugin comes in through the plugins folder, where an installed provider has an
entry point.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import httpx
import psutil

T = TypeVar("T")
A = TypeVar("A", bound="Airflow")

COMPONENTS = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}
SOURCES = Path(__file__).parents[2] / "src"
TERMINAL = {"success", "failed", "skipped", "upstream_failed", "removed"}

_PLUGIN = "from flyte_provider.plugins.flyte import FlytePlugin\n"
# A killed worker or triggerer is noticed within seconds, not minutes.
_IMPATIENCE = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "5",
    "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
    "AIRFLOW__SCHEDULER__IDLE_SLEEP_TIME": "0.2",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
}


def wait_until(look: Callable[[], T], seconds: float = 90.0, what: str = "", pause: float = 0.1) -> T:
    """Return the first true value that ``look`` gives, looking again after each pause."""
    give_up_at = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < give_up_at, f"{what or look} did not come true in {seconds:g} s"
        time.sleep(pause)
    return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


class Airflow:
    """Processes of one Airflow home.

    :param home: an empty folder
    :param dags: the folder with Dags
    :param more: environment of all processes, connections among it
    :param components: what to start, as words after ``airflow`` keyed by a name
    :param python: the interpreter that has Airflow
    """

    api = "/api/v2"
    health = "/api/v2/monitor/health"
    # What a Dag run without a date of its own is triggered with.
    any_date: ClassVar[dict[str, Any]] = {"logical_date": None}

    def __init__(
        self,
        home: Path,
        dags: Path,
        more: dict[str, str],
        components: Mapping[str, list[str]] = COMPONENTS,
        python: str | Path = sys.executable,
    ) -> None:
        self.home = home
        self._components = components
        self._python = str(python)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        (home / "plugins").mkdir()
        (home / "plugins" / "flyte_tab.py").write_text(_PLUGIN)
        plain = {key: value for key, value in os.environ.items() if not key.startswith("AIRFLOW")}
        self._env = plain | _IMPATIENCE | more
        self._env |= {
            "PYTHONPATH": os.pathsep.join([str(SOURCES), plain.get("PYTHONPATH", "")]),
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PARALLELISM": more.get("AIRFLOW__CORE__PARALLELISM", "6"),
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(home / "plugins"),
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API_AUTH__JWT_SECRET": "a secret of this test, long enough for HS512 " * 2,
            "AIRFLOW__API_AUTH__JWT_ISSUER": "airflow",
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
        }

    def migrate(self) -> None:
        command = [self._python, "-m", "airflow", "db", "migrate"]
        subprocess.run(command, env=self._env, check=True, capture_output=True, timeout=120)

    def start(self, *names: str) -> None:
        """Start components; each leads a process group."""
        for name in names or self._components:
            with (self.home / f"{name}.log").open("ab") as log:
                self._processes[name] = subprocess.Popen(
                    [self._python, "-m", "airflow", *self._components[name]],
                    env=self._env,
                    cwd=self.home,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
        wait_until(self._is_up, 120, "Airflow's API")

    def _is_up(self) -> bool:
        try:
            return httpx.get(f"{self.url}{self.health}", trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def kill(self, name: str, with_signal: int = signal.SIGKILL) -> None:
        """End a component and all its children."""
        process = self._processes.pop(name)
        os.killpg(process.pid, with_signal)
        process.wait(60)

    @contextmanager
    def retiring(self, name: str) -> Iterator[None]:
        """Ask a component to end, its children not; when the body is done it must have."""
        process = self._processes.pop(name)
        process.terminate()
        try:
            yield
            process.wait(120)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def stop(self) -> None:
        """End all components; Airflow 2.11's scheduler gives its Dag processor a process group of its own."""
        for name, process in list(self._processes.items()):
            children = psutil.Process(process.pid).children(recursive=True)
            self.kill(name)
            for child in children:
                with suppress(psutil.NoSuchProcess):
                    child.kill()

    # -- workers ---------------------------------------------------------------------------------------------

    def task_processes(self, dag_id: str, run_id: str) -> list[psutil.Process]:
        """Return the process that supervises a running task, and the task's own."""
        pid = wait_until(lambda: self.task(dag_id, run_id)["pid"], 60, f"a process of {run_id}")
        task = psutil.Process(pid)
        return [task.parent(), task]

    # -- REST ------------------------------------------------------------------------------------------------

    def call(self, method: str, path: str, body: Any = None) -> Any:
        reply = self._client().request(method, f"{self.api}{path}", json=body)
        assert reply.is_success, f"{method} {path}: {reply.status_code} {reply.text[:500]}"
        return reply.json() if reply.content else None

    def _client(self) -> httpx.Client:
        if not hasattr(self, "_session"):
            headers = self._credentials()
            limits = httpx.Limits(max_keepalive_connections=0)
            self._session = httpx.Client(
                base_url=self.url, headers=headers, trust_env=False, timeout=60, limits=limits
            )
        return self._session

    def _credentials(self) -> dict[str, str]:
        token = httpx.get(f"{self.url}/auth/token", trust_env=False).json()["access_token"]
        return {"Authorization": f"Bearer {token}"}

    def trigger(self, dag_id: str, run_id: str, **conf: Any) -> str:
        wait_until(lambda: self._knows(dag_id), 90, f"Dag {dag_id}")
        body = {"dag_run_id": run_id, "conf": conf} | self.any_date
        return str(self.call("POST", f"/dags/{dag_id}/dagRuns", body)["dag_run_id"])

    def _knows(self, dag_id: str) -> bool:
        return self._client().get(f"{self.api}/dags/{dag_id}").status_code == 200

    def task(self, dag_id: str, run_id: str, task_id: str = "t", map_index: int = -1) -> dict[str, Any]:
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"
        found: dict[str, Any] = self.call("GET", path if map_index < 0 else f"{path}/{map_index}")
        return found

    def wait_for_task(
        self,
        dag_id: str,
        run_id: str,
        *states: str,
        task_id: str = "t",
        map_index: int = -1,
        seconds: float = 120,
        pause: float = 0.1,
    ) -> dict[str, Any]:
        """Return the task instance once it is in one of the states."""

        def look() -> dict[str, Any] | None:
            found = self.task(dag_id, run_id, task_id, map_index)
            return found if found["state"] in states else None

        what = f"{dag_id}.{task_id} of {run_id} in {states}"
        return wait_until(look, seconds, what, pause)  # type: ignore[return-value]

    def mark(self, dag_id: str, run_id: str, state: str, task_id: str = "t") -> None:
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"
        self.call("PATCH", path, {"new_state": state})

    def clear(self, dag_id: str, run_id: str, task_id: str = "t") -> None:
        body = {"dry_run": False, "dag_run_id": run_id, "task_ids": [task_id], "only_failed": False}
        self.call("POST", f"/dags/{dag_id}/clearTaskInstances", body)

    def log(self, dag_id: str, run_id: str, try_number: int = 1, task_id: str = "t") -> str:
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{try_number}"
        content = self.call("GET", f"{path}?full_content=true")["content"]
        return "\n".join(str(line.get("event")) if isinstance(line, dict) else str(line) for line in content)


@contextmanager
def running(airflow: A) -> Iterator[A]:
    """Run an Airflow and end it, all its children included."""
    airflow.migrate()
    try:
        airflow.start()
        yield airflow
    finally:
        airflow.stop()
