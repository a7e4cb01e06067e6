"""What waiting costs: a thousand triggers on one event loop, each looking every ten seconds."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import threading
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from typing import Any

import grpc
from flyteidl.admin import execution_pb2, node_execution_pb2
from flyteidl.core.execution_pb2 import NodeExecution, WorkflowExecution
from flyteidl.service import admin_pb2_grpc

from . import places
from .figures import Measurement, MeasurementError
from .workshop import Workshop

_TRIGGERS = 1000
_WARM_SECONDS = 12
_MEASURED_SECONDS = 30

_PROGRAM = """
import asyncio, sys, time

from flyte_provider.triggers.flyte import FlyteExecutionTrigger


async def wait(index):
    trigger = FlyteExecutionTrigger(
        "flyte", "flytesnacks", "development", f"a{index:019x}", poll_interval=10, max_poll_interval=10
    )
    async for event in trigger.run():
        sys.exit(f"unexpected: {event}")


async def watch_lag(lags):
    while True:
        began = time.perf_counter()
        await asyncio.sleep(0.02)
        lags.append(time.perf_counter() - began - 0.02)


async def main(triggers, warm, measured):
    tasks = [asyncio.ensure_future(wait(index)) for index in range(triggers)]
    await asyncio.sleep(warm)
    lags = []
    watcher = asyncio.ensure_future(watch_lag(lags))
    print("begin", time.process_time(), flush=True)
    await asyncio.sleep(measured)
    print("end", time.process_time(), flush=True)
    watcher.cancel()
    print("lag", max(lags), flush=True)
    for task in tasks:
        if task.done():
            task.result()


asyncio.run(main(*map(int, sys.argv[1:])))
"""


@dataclasses.dataclass(frozen=True)
class Waiting:
    """:param rpcs: a second.
    :param cpu: percent of a core.
    :param lag: seconds that the loop was late at most.
    """

    rpcs: float
    cpu: float
    lag: float


def rpc(workshop: Workshop) -> Measurement:
    return Measurement(workshop.shared(_wait).rpcs)


def cpu(workshop: Workshop) -> Measurement:
    return Measurement(workshop.shared(_wait).cpu)


class _Admin(admin_pb2_grpc.AdminServiceServicer):
    """Every execution there is runs for an hour already."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.calls = 0

    def _count(self) -> None:
        with self.lock:
            self.calls += 1

    def GetExecution(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        self._count()
        return _execution(request.id.name)

    def ListExecutions(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        self._count()
        names = request.filters.removeprefix("value_in(execution_name,").removesuffix(")").split(";")
        return execution_pb2.ExecutionList(executions=[_execution(name) for name in names])

    def ListNodeExecutions(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        self._count()
        reply = node_execution_pb2.NodeExecutionList()
        for index in range(10):
            node = reply.node_executions.add()
            node.id.node_id = f"n{index}"
            node.closure.phase = NodeExecution.RUNNING
        return reply


def _execution(name: str) -> Any:
    execution = execution_pb2.Execution()
    execution.id.project, execution.id.domain, execution.id.name = "flytesnacks", "development", name
    execution.spec.launch_plan.name = "basics.hello_world.hello_wf"
    execution.spec.annotations.values.update({f"airflow.apache.org/{key}": "a value" for key in "abcdefg"})
    execution.closure.phase = WorkflowExecution.RUNNING
    execution.closure.created_at.FromSeconds(1_700_000_000)
    execution.closure.started_at.FromSeconds(1_700_000_001)
    return execution


@contextmanager
def _serve(admin: _Admin) -> Iterator[int]:
    server = grpc.server(futures.ThreadPoolExecutor(8))
    admin_pb2_grpc.add_AdminServiceServicer_to_server(admin, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(grace=None).wait(10)


def _wait(workshop: Workshop) -> Waiting:
    admin = _Admin()
    with _serve(admin) as port, _triggers(workshop, port) as child:
        cpu_began = float(_line(child, "begin"))
        calls = admin.calls
        cpu_seconds = float(_line(child, "end")) - cpu_began
        calls = admin.calls - calls
        lag = float(_line(child, "lag"))
    waiting = Waiting(calls / _MEASURED_SECONDS, 100 * cpu_seconds / _MEASURED_SECONDS, lag)
    workshop.say(
        f"{_TRIGGERS} triggers: {waiting.rpcs:.1f} RPC/s, {waiting.cpu:.2f} % of a core, "
        f"loop late by {1000 * lag:.0f} ms at most"
    )
    return waiting


@contextmanager
def _triggers(workshop: Workshop, port: int) -> Iterator[subprocess.Popen[str]]:
    connection = {"conn_type": "flyte", "host": f"http://127.0.0.1:{port}"}
    more = {
        "AIRFLOW_HOME": str(workshop.new_folder("airflow")),
        "AIRFLOW_CONN_FLYTE": json.dumps(connection),
    }
    arguments = [str(number) for number in (_TRIGGERS, _WARM_SECONDS, _MEASURED_SECONDS)]
    child = subprocess.Popen(
        [places.interpreter("airflow"), "-c", _PROGRAM, *arguments],
        env=places.own_environment(more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def _line(child: subprocess.Popen[str], word: str) -> str:
    """The rest of the child's line that begins with ``word``; whatever else it prints is Airflow's."""
    assert child.stdout is not None
    for line in child.stdout:
        if line.startswith(word + " "):
            return line.removeprefix(word + " ").strip()
    raise MeasurementError(f"The triggers ended before {word!r}: {child.communicate()[1][-1000:]}")
