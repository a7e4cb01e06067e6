"""The embedded Flyte as a process of its own, which can be killed and comes back with what it had."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import grpc
from flyteidl.admin import common_pb2, execution_pb2, signal_pb2, version_pb2
from flyteidl.core import identifier_pb2, literals_pb2
from flyteidl.service import admin_pb2_grpc, signal_pb2_grpc

from ..fakes.admin import DOMAIN, PROJECT
from ..sandbox.registered import register
from ..stack.airflow import free_port, wait_until
from .flyte import RUN_ID

APPROVAL = literals_pb2.Literal(
    scalar=literals_pb2.Scalar(primitive=literals_pb2.Primitive(boolean=True)),
)


class EmbeddedFlyte:
    """Executions of the launch plan ``approve`` run until they are approved.

    :param folder: where it keeps its state
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: grpc.Channel | None = None

    @property
    def channel(self) -> grpc.Channel:
        assert self._channel is not None, "start() comes first"
        return self._channel

    def start(self) -> None:
        words = ["serve", "--state", str(self._folder / "state"), "--port", str(self.port), "--s3-port", "0"]
        with (self._folder / "log").open("ab") as log:
            command = [sys.executable, "-m", "flyte_sandbox", *words]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        self._channel = grpc.insecure_channel(f"127.0.0.1:{self.port}")
        wait_until(self._answers, 60, "the embedded Flyte")

    def register(self) -> None:
        register(admin_pb2_grpc.AdminServiceStub(self.channel))

    def _answers(self) -> bool:
        try:
            admin_pb2_grpc.AdminServiceStub(self.channel).GetVersion(
                version_pb2.GetVersionRequest(), timeout=5
            )
        except grpc.RpcError:
            return False
        return True

    def kill(self) -> None:
        assert self._process is not None
        self.channel.close()
        self._process.kill()
        self._process.wait(30)

    def of_run(self, run_id: str) -> list[execution_pb2.Execution]:
        """Return a Dag run's executions."""
        place = common_pb2.NamedEntityIdentifier(project=PROJECT, domain=DOMAIN)
        request = common_pb2.ResourceListRequest(id=place, limit=1000)
        listed = admin_pb2_grpc.AdminServiceStub(self.channel).ListExecutions(request, timeout=30)
        return [one for one in listed.executions if one.spec.annotations.values[RUN_ID] == run_id]

    def approve(self, execution_id: identifier_pb2.WorkflowExecutionIdentifier) -> None:
        """Let an execution end, once it has come to its gate."""
        signal_id = identifier_pb2.SignalIdentifier(signal_id="go", execution_id=execution_id)
        stub: Any = signal_pb2_grpc.SignalServiceStub(self.channel)
        listing = signal_pb2.SignalListRequest(workflow_execution_id=execution_id, limit=10)
        wait_until(lambda: stub.ListSignals(listing, timeout=30).signals, 60, "the gate")
        stub.SetSignal(signal_pb2.SignalSetRequest(id=signal_id, value=APPROVAL), timeout=30)
