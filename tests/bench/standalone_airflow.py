"""The reference of the stack: a plain ``airflow standalone`` on a database that is migrated already."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import time
import uuid
from datetime import datetime
from pathlib import Path

from airflyte.airflow.rest import AirflowApi
from airflyte.processes import marks
from airflyte.readiness.doors import HEARTS
from airflyte.state import MARK

from . import places
from .figures import MeasurementError
from .waiting import wait_until

_READY_SECONDS = 300.0
_LOOK_SECONDS = 0.1


class StandaloneAirflow:
    """:param python: the interpreter of Airflow's environment.

    :param home: AIRFLOW_HOME, an empty folder.
    :param parallelism: as the stack has it.
    """

    def __init__(self, python: Path, home: Path, parallelism: int) -> None:
        self._python = python
        self._home = home
        self._port = _free_port()
        self._mark = f"bench-{uuid.uuid4().hex}"
        (home / "dags").mkdir()
        self._env = places.plain_environment(
            {
                MARK: self._mark,
                # It starts its parts by this name.
                "PATH": os.pathsep.join([str(python.parent), os.environ.get("PATH", os.defpath)]),
                "SPT_NOENV": "1",  # else setproctitle writes over the mark
                "AIRFLOW_HOME": str(home),
                "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
                "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
                "AIRFLOW__CORE__PARALLELISM": str(parallelism),
                "AIRFLOW__API__HOST": "127.0.0.1",
                "AIRFLOW__API__PORT": str(self._port),
                "AIRFLOW__API__BASE_URL": f"http://localhost:{self._port}",
                # Two of these cannot listen twice on one machine.
                "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(_free_port()),
                "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(_free_port()),
            }
        )

    def migrate(self) -> None:
        """Make the tables; not part of what is measured."""
        done = subprocess.run(
            [self._python, "-m", "airflow", "db", "migrate"],
            env=self._env,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise MeasurementError(f"airflow db migrate failed: {done.stderr[-1000:]}")

    def time_to_ready(self) -> float:
        """Start it and end it again.

        :return: seconds until its API answers and all heartbeats are of this start.
        """
        since, started = time.time(), time.perf_counter()
        with (self._home / "standalone.log").open("ab") as log:
            process = subprocess.Popen(
                [self._python, "-m", "airflow", "standalone"],
                cwd=self._home,
                env=self._env,
                stdout=log,
                stderr=log,
            )
        try:
            wait_until(lambda: self._is_ready(since), _READY_SECONDS, "airflow standalone", _LOOK_SECONDS)
            return time.perf_counter() - started
        finally:
            marks.end_marked(self._mark)
            process.wait()

    def _is_ready(self, since: float) -> bool:
        try:
            health = AirflowApi(self._port, "", "").health()
        except (OSError, http.client.HTTPException, json.JSONDecodeError):
            return False
        beats = [(health[heart] or {}).get(f"latest_{heart}_heartbeat") for heart in HEARTS]
        is_alive = all(beat and datetime.fromisoformat(beat).timestamp() >= since for beat in beats)
        return is_alive and health["metadatabase"]["status"] == "healthy"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
