"""A Flyte for the resume matrix: it keeps a launch waiting on either side of its creation, is silent about
single executions, and can be away and come back on the same port.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from typing import Any

import grpc
from flyteidl.core import types_pb2
from flyteidl.service import admin_pb2_grpc, signal_pb2_grpc

from flyte_provider._client.codec import decode_map

from ..fakes.admin import FakeAdmin, Phase, Script

RUN_ID = "airflow.apache.org/run_id"


class ResumedFlyte(FakeAdmin):
    """Executions run until they are told to end."""

    def __init__(self) -> None:
        super().__init__()
        self.script = None
        self.looks: Counter[str] = Counter()
        self.silent_about: set[str] = set()
        self._held: dict[tuple[str, str], threading.Event] = {}
        self._reached: set[tuple[str, str]] = set()
        self._server: grpc.Server | None = None
        self.add_launch_plan("lp")
        self.add_launch_plan("indexed", {"index": types_pb2.LiteralType(simple=types_pb2.INTEGER)})

    # -- what tests say --------------------------------------------------------------------------------------

    def hold_launch(self, run_id: str, step: str) -> None:
        """Keep the launch of a Dag run waiting ``before`` or ``after`` its execution is created."""
        self._held[run_id, step] = threading.Event()

    def wait_for_held(self, run_id: str, step: str, seconds: float = 60) -> None:
        self._wait(lambda: (run_id, step) in self._reached, seconds, f"launch of {run_id} to come")

    def release(self, run_id: str, step: str) -> None:
        self._held.pop((run_id, step)).set()

    def of_run(self, run_id: str) -> list[Any]:
        """Return a Dag run's executions, oldest first."""
        with self.lock:
            return [e for e in self.executions.values() if e.spec.annotations.values[RUN_ID] == run_id]

    def wait_for_executions(self, run_id: str, count: int = 1, seconds: float = 90) -> list[Any]:
        self._wait(lambda: len(self.of_run(run_id)) >= count, seconds, f"{count} executions of {run_id}")
        return self.of_run(run_id)

    def wait_for_phase(self, run_id: str, phase: int, seconds: float = 90) -> list[Any]:
        """Return a Dag run's executions once all of them are in this phase."""
        self._wait(
            lambda: all(e.closure.phase == phase for e in self.of_run(run_id)), seconds, f"end of {run_id}"
        )
        return self.of_run(run_id)

    def wait_for_look(self, name: str, seconds: float = 90) -> None:
        """Return when somebody has looked at an execution after this call."""
        before = self.looks[name]
        self._wait(lambda: self.looks[name] > before, seconds, f"a look at {name}")

    def inputs_of(self, run_id: str) -> list[dict[str, Any]]:
        """Return what a Dag run launched its executions with."""
        sent = self.requests["CreateExecution"]
        mine = [request for request in sent if request.spec.annotations.values[RUN_ID] == run_id]
        return [decode_map(request.inputs) for request in mine]

    def succeed(self, run_id: str) -> None:
        with self.lock:
            for execution in self.of_run(run_id):
                if execution.closure.phase == Phase.RUNNING:
                    self._end(execution, Script())

    def _wait(self, has_come: Callable[[], bool], seconds: float, what: str) -> None:
        with self.changed:
            assert self.changed.wait_for(has_come, seconds), f"waited {seconds:g} s for {what}"

    # -- RPCs ------------------------------------------------------------------------------------------------

    def create_execution(self, request: Any, context: grpc.ServicerContext) -> Any:
        run_id = request.spec.annotations.values[RUN_ID]
        self._hold(run_id, "before", context)
        reply = super().create_execution(request, context)
        with self.changed:
            self.changed.notify_all()
        self._hold(run_id, "after", context)
        return reply

    def _hold(self, run_id: str, step: str, context: grpc.ServicerContext) -> None:
        gate = self._held.get((run_id, step))
        if gate is None:
            return
        with self.changed:
            self._reached.add((run_id, step))
            self.changed.notify_all()
        gate.wait(600)
        if not context.is_active():
            context.abort(grpc.StatusCode.CANCELLED, "the caller is gone")

    def get_execution(self, request: Any, context: grpc.ServicerContext) -> Any:
        name = request.id.name
        if name in self.silent_about:
            context.abort(grpc.StatusCode.UNAVAILABLE, "silent")
        with self.changed:
            self.looks[name] += 1
            self.changed.notify_all()
        return super().get_execution(request, context)

    def list_executions(self, request: Any, context: grpc.ServicerContext) -> Any:
        if any(name in request.filters for name in self.silent_about):
            context.abort(grpc.StatusCode.UNAVAILABLE, "silent")
        reply = super().list_executions(request, context)
        with self.changed:
            self.looks.update(execution.id.name for execution in reply.executions)
            self.changed.notify_all()
        return reply

    def terminate_execution(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Terminate, and have the cluster follow at once."""
        with self.lock:
            reply = super().terminate_execution(request, context)
            self._end(self.executions[request.id.name], Script())
            self.changed.notify_all()
            return reply

    # -- being there, and not --------------------------------------------------------------------------------

    def start(self) -> None:
        """Serve, on the port that it had before."""
        self._server = grpc.server(futures.ThreadPoolExecutor(96), options=[("grpc.so_reuseport", 0)])
        admin_pb2_grpc.add_AdminServiceServicer_to_server(self, self._server)
        signal_pb2_grpc.add_SignalServiceServicer_to_server(self, self._server)
        self.port = self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        self._server.start()

    def stop(self) -> None:
        assert self._server is not None
        self._server.stop(grace=None).wait(30)

    @contextmanager
    def away(self) -> Iterator[Outage]:
        """Stop serving; who connects meanwhile finds the door shut. Nothing is forgotten."""
        self.stop()
        with Outage(self.port) as outage:
            yield outage
        self.start()


class Outage:
    """Takes connections on a port and closes them at once, so that tests know who has tried."""

    def __init__(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", port))
        self._listener.settimeout(60)
        self._began_at = time.monotonic()
        self.seconds = 0.0

    def __enter__(self) -> Outage:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._listener.close()

    def refuse(self, times: int, seconds: float = 0.0) -> None:
        """Refuse callers until so many have come and so many seconds have passed since it began."""
        refused = 0
        while refused < times or self.seconds < seconds:
            caller, _ = self._listener.accept()
            caller.close()
            refused += 1
            self.seconds = time.monotonic() - self._began_at
