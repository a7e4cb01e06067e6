"""What the provider's rows run in the scratch stack: its Dags, and a launch plan that only sleeps."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import grpc
from flyteidl.admin import execution_pb2
from flyteidl.core import identifier_pb2
from flyteidl.core.execution_pb2 import WorkflowExecution
from flyteidl.service import admin_pb2_grpc

from airflyte.airflow import runs

from . import sleeping_graphs
from .figures import MeasurementError
from .scratch_stack import ScratchStack
from .server import DOMAIN, PROJECT
from .stack_figures import Shared
from .waiting import wait_until
from .workshop import Workshop

_KNOWN_SECONDS = 180.0
_RUN_SECONDS = 120.0
_LOOK_SECONDS = 0.02

_DAGS = f'''
from datetime import datetime, timedelta, timezone

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG

from flyte_provider.operators.flyte import FlyteOperator
from flyte_provider.sensors.flyte import FlyteSensor

FLYTE = {{"flyte_conn_id": "flyte_conn", "project": "{PROJECT}", "domain": "{DOMAIN}"}}
SLEEP = {{"launchplan_name": "fan1", "inputs": {{"duration": timedelta(minutes=10)}}, **FLYTE}}


def dag(name):
    start = datetime(2024, 1, 1, tzinfo=timezone.utc)
    return DAG("bench_" + name, schedule=None, start_date=start, catchup=False)


with dag("operator_deferred"):
    FlyteOperator(task_id="t", deferrable=True, defer_after=0, **SLEEP)
with dag("operator_in_slot"):
    FlyteOperator(task_id="t", deferrable=False, **SLEEP)
with dag("sensor_in_slot"):
    launch = FlyteOperator(task_id="launch", wait_for_completion=False, **SLEEP)
    FlyteSensor(task_id="t", execution_name=launch.output, deferrable=False, poke_interval=5, **FLYTE)
with dag("hello"):
    FlyteOperator(
        task_id="t", launchplan_name="basics.hello_world.hello_wf", inputs={{"name": "Airflow"}}, **FLYTE
    )
with dag("nothing"):
    PythonOperator(task_id="t", python_callable=lambda: None)
'''


class ProviderStack:
    """The scratch stack with these Dags, and calls into both of its halves."""

    def __init__(self, workshop: Workshop) -> None:
        self._scratch: ScratchStack = workshop.shared(Shared).scratch
        self._api = self._scratch.stack.airflow()
        self._numbers = itertools.count()
        (self._scratch.checkout / "dags" / "bench_provider.py").write_text(_DAGS, encoding="utf-8")
        with self._flyte() as admin:
            sleeping_graphs.register_task(SimpleNamespace(admin=admin))  # type: ignore[arg-type]
            sleeping_graphs.register_fan(SimpleNamespace(admin=admin), 1)  # type: ignore[arg-type]

    @contextmanager
    def _flyte(self) -> Iterator[admin_pb2_grpc.AdminServiceStub]:
        port = self._scratch.stack.settings.ports.flyte
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield admin_pb2_grpc.AdminServiceStub(channel)

    def trigger(self, dag_id: str) -> str:
        """Start a run; return its path in Airflow's API."""
        found = lambda: self._api.find(f"/dags/{dag_id}") is not None  # noqa: E731
        wait_until(found, _KNOWN_SECONDS, f"Airflow knows {dag_id}", 0.5)
        run_id = f"bench_{next(self._numbers)}"
        self._api.post(f"/dags/{dag_id}/dagRuns", {"dag_run_id": run_id, "logical_date": None})
        return runs.run_path(dag_id, run_id)

    def wait_for_state(self, path: str, *states: str) -> Any:
        """Return what is there once it is in one of the states."""
        found: dict[str, Any] = {}

        def look() -> bool:
            found.clear()
            found.update(self._api.get(path))
            return found["state"] in states

        wait_until(look, _RUN_SECONDS, f"{path} is {' or '.join(states)}", _LOOK_SECONDS)
        return found

    def seconds_to_abort(self, dag_id: str, state: str) -> float:
        """Let task ``t`` come to a state, mark it failed, and return the time until Flyte aborts."""
        path = self.trigger(dag_id)
        task = f"{path}/taskInstances/t"
        self.wait_for_state(task, state)
        entry = f"{task}/xcomEntries/flyte_execution"
        wait_until(lambda: self._api.find(entry) is not None, _RUN_SECONDS, "an execution", _LOOK_SECONDS)
        name = self._api.get(entry)["value"]["name"]
        with self._flyte() as admin:
            _wait_for_phase(admin, name, WorkflowExecution.RUNNING)
            began = time.perf_counter()
            self._api.patch(task, {"new_state": "failed"})
            _wait_for_phase(admin, name, WorkflowExecution.ABORTING, WorkflowExecution.ABORTED)
            return time.perf_counter() - began

    def seconds_to_green(self, dag_id: str) -> float:
        """Return the time from the trigger to the end of the Dag run."""
        began = time.perf_counter()
        state = self.wait_for_state(self.trigger(dag_id), *runs.FINAL)["state"]
        if state != "success":
            raise MeasurementError(f"{dag_id} ended as {state}.")
        return time.perf_counter() - began


def _wait_for_phase(admin: admin_pb2_grpc.AdminServiceStub, name: str, *phases: int) -> None:
    id = identifier_pb2.WorkflowExecutionIdentifier(project=PROJECT, domain=DOMAIN, name=name)
    request = execution_pb2.WorkflowExecutionGetRequest(id=id)
    wait_until(
        lambda: admin.GetExecution(request).closure.phase in phases, _RUN_SECONDS, f"{name} in {phases}"
    )
