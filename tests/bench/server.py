"""A sandbox in a process of its own, as a supervisor would run it, and the clients of it."""

from __future__ import annotations

import http
import json
import subprocess
import time
import uuid
from pathlib import Path

import grpc
import psutil
from flyteidl.admin import project_pb2
from flyteidl.service.admin_pb2_grpc import AdminServiceStub

from airflyte.flyte.client import FlyteClient
from airflyte.processes import marks
from airflyte.state import MARK

from . import places
from .figures import MeasurementError
from .waiting import wait_until

PROJECT, DOMAIN = "flytesnacks", "development"
_START_SECONDS = 30.0
_TASK_SECONDS = 60.0
_CALL_SECONDS = 30.0
_STOP_SECONDS = 15.0


class Server:
    """:param state: its folder; what is in it is used again.

    :ivar port: of gRPC and HTTP; known once it has started.
    """

    def __init__(self, state: Path) -> None:
        self.state = state
        self.port = 0
        self.mark = f"bench-{uuid.uuid4().hex}"
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: grpc.Channel | None = None

    # ---- life ----------------------------------------------------------------------------------------------

    def start(self) -> float:
        """:return: seconds from the start of the process to the answer to a first call."""
        started = time.perf_counter()
        self._spawn()
        announced = self.state / "server.json"
        wait_until(lambda: self._is_announced(announced), _START_SECONDS, "the server's start", every=0.001)
        self.port = json.loads(announced.read_text())["port"]
        self._channel = grpc.insecure_channel(f"localhost:{self.port}")
        self.admin = AdminServiceStub(self._channel)
        self.admin.ListProjects(project_pb2.ProjectListRequest(), timeout=_CALL_SECONDS)
        return time.perf_counter() - started

    def _spawn(self) -> None:
        command: list[str | Path] = [
            places.interpreter("sandbox"),
            "-m",
            "flyte_sandbox",
            "serve",
            "--state",
            self.state,
        ]
        command += ["--port", "0", "--s3-port", "0", "--python", places.interpreter("workflows")]
        with (self.state / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, env=places.own_environment({MARK: self.mark})
            )

    def _is_announced(self, path: Path) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise MeasurementError(f"The server has ended: {(self.state / 'server.log').read_text()[-1000:]}")
        return path.exists()

    def wait_for_tasks(self) -> None:
        """Until the environment's template process has answered."""
        wait_until(self._has_warm_task, _TASK_SECONDS, "an answer of a task process", every=0.05)

    def _has_warm_task(self) -> bool:
        status, _ = FlyteClient(self.port, _TASK_SECONDS).health("?deep=1")
        return status == http.HTTPStatus.OK

    def end(self) -> None:
        """End it and everything that it started; safe to call twice.

        :raises MeasurementError: when SIGTERM did not end the server; it is gone nevertheless.
        """
        if self._channel is not None:
            self._channel.close()
        if self._process is None:
            return
        try:
            self._process.terminate()
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise MeasurementError(f"The server did not end within {_STOP_SECONDS:g} s of SIGTERM.") from None
        finally:
            marks.end_marked(self.mark)
            self._process.wait()

    # ---- processes -----------------------------------------------------------------------------------------

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def cpu_seconds(self) -> float:
        """What the server itself has used so far, its tasks and templates apart."""
        times = psutil.Process(self.pid).cpu_times()
        return float(times.user + times.system)

    def templates(self) -> list[psutil.Process]:
        """Its template processes, without the tasks that are forked from them."""
        program = "/flyte_sandbox/runner/template/main.py"
        found = [
            each for each in marks.find_marked(self.mark) if any(program in word for word in each.cmdline())
        ]
        pids = {each.pid for each in found}
        return [each for each in found if each.ppid() not in pids]
