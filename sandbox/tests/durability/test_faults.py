"""A server that dies at any point of an execution's life loses nothing and does nothing twice."""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from flyteidl.admin import execution_pb2
from flyteidl.core import identifier_pb2, literals_pb2, tasks_pb2, workflow_pb2
from flyteidl.core.execution_pb2 import WorkflowExecution
from flyteidl.service import admin_pb2_grpc
from flytekit.exceptions.base import FlyteException

from ..conformance.entities import (
    identifier,
    interface,
    launch_plan_request,
    task_request,
    workflow_request,
)
from ..waiting import eventually
from .conftest import end
from .server import Server

PROJECT = "flytesnacks"
SHORT = (2, 5, 11, 19, 28, 40, 55, 70)
"""Points for every day: while it is created, begun, started, run, retried and ended."""


class Walker:
    """A faulty server and a workflow of two shell tasks, the first of which fails at its first attempt."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.folder = server.state.parent
        self.fault = self.folder / "fault"

    @property
    def stub(self) -> admin_pb2_grpc.AdminServiceStub:
        return admin_pb2_grpc.AdminServiceStub(grpc.insecure_channel(f"localhost:{self.server.port}"))

    def register(self) -> None:
        self._register_task("first", 'test "$FLYTE_ATTEMPT_NUMBER" = 1')
        self._register_task("second", "true")
        nodes = [self._node("n0", "first", ()), self._node("n1", "second", ("n0",))]
        workflow = workflow_request(PROJECT, "walked", identifier(identifier_pb2.TASK, PROJECT, "first"))
        template = workflow.spec.template
        template.interface.CopyFrom(interface({}, {}))
        del template.outputs[:]
        del template.nodes[:]
        template.nodes.extend(nodes)
        self.stub.CreateWorkflow(workflow)
        self.stub.CreateLaunchPlan(launch_plan_request(PROJECT, "walked", workflow.id))

    def _register_task(self, name: str, ending: str) -> None:
        request = task_request(PROJECT, name)
        template = request.spec.template
        template.interface.CopyFrom(interface({}, {}))
        log = f"{self.folder}/$FLYTE_INTERNAL_EXECUTION_ID.log"
        script = f'echo "{name} $FLYTE_ATTEMPT_NUMBER" >> "{log}"; {ending}'
        template.container.CopyFrom(tasks_pb2.Container(image="any", command=["sh", "-c", script]))
        self.stub.CreateTask(request)

    def _node(self, id: str, task: str, after: tuple[str, ...]) -> workflow_pb2.Node:
        reference = workflow_pb2.TaskNode(reference_id=identifier(identifier_pb2.TASK, PROJECT, task))
        return workflow_pb2.Node(id=id, upstream_node_ids=after, task_node=reference)

    def walk(self, number: int) -> bool:
        """Die at point ``number`` of an execution's life, and look at what came of it.

        :return: whether there was such a point.
        """
        name = f"walk-{number}-{uuid.uuid4().hex[:6]}"
        passed = self.fault.with_suffix(".passed")
        passed.unlink(missing_ok=True)
        self.fault.write_text(str(number))
        self._create(name)
        has_died = eventually(lambda: self._has_died() or self._has_ended(name), seconds=60) == "died"
        if has_died:
            self.server.process = None
            self.server.start()
            eventually(lambda: self._create(name), seconds=60)
        eventually(lambda: self._has_ended(name), seconds=60)
        where = f"point {number}: {passed.read_text().splitlines()[-1]}"
        self._check(name, where)
        return has_died

    def _create(self, name: str) -> bool:
        """As a client does that heard nothing: the same name again.

        :return: whether the execution is there now.
        """
        plan = identifier(identifier_pb2.LAUNCH_PLAN, PROJECT, "walked")
        request = execution_pb2.ExecutionCreateRequest(
            project=PROJECT,
            domain="development",
            name=name,
            spec=execution_pb2.ExecutionSpec(launch_plan=plan),
            inputs=literals_pb2.LiteralMap(),
        )
        try:
            self.stub.CreateExecution(request, timeout=10)
        except grpc.RpcError as exc:
            return exc.code() == grpc.StatusCode.ALREADY_EXISTS
        return True

    def _has_died(self) -> str:
        assert self.server.process is not None
        return "died" if self.server.process.poll() is not None else ""

    def _has_ended(self, name: str) -> str:
        id = identifier_pb2.WorkflowExecutionIdentifier(project=PROJECT, domain="development", name=name)
        try:
            request = execution_pb2.WorkflowExecutionGetRequest(id=id)
            phase = self.stub.GetExecution(request, timeout=10).closure.phase
        except grpc.RpcError:
            return ""
        return "ended" if phase in (WorkflowExecution.SUCCEEDED, WorkflowExecution.FAILED) else ""

    def _check(self, name: str, where: str) -> None:
        log = (self.folder / f"{name}.log").read_text().splitlines()
        assert log == ["first 0", "first 1", "second 0"], where
        with contextlib.closing(sqlite3.connect(self.server.state / "flyte.db")) as database:
            rows = _rows_of(database, name)
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",), where
        assert rows["executions"] == [("SUCCEEDED",)], where
        assert dict(rows["node_executions"]) == {
            "start-node": "SUCCEEDED",
            "n0": "SUCCEEDED",
            "n1": "SUCCEEDED",
            "end-node": "SUCCEEDED",
        }, where
        assert sorted(rows["task_executions"]) == [
            ("n0", 0, "FAILED"),
            ("n0", 1, "SUCCEEDED"),
            ("n1", 0, "SUCCEEDED"),
        ], where


def _rows_of(database: sqlite3.Connection, name: str) -> dict[str, list[Any]]:
    columns = {
        "executions": "phase",
        "node_executions": "node_id, phase",
        "task_executions": "node_id, retry_attempt, phase",
    }
    return {
        table: database.execute(
            f"SELECT {names} FROM {table} WHERE execution_name = ?",  # noqa: S608 - names of our own
            (name,),
        ).fetchall()
        for table, names in columns.items()
    }


@pytest.fixture(scope="module")
def walker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walker]:
    yield from _walkers(Walker, tmp_path_factory.mktemp("faults"), ["--cold"])


def _walkers(kind: type[Walker], folder: Path, options: list[str]) -> Iterator[Walker]:
    """One, whose server and processes end with it."""
    server = Server(folder / "state", f"test-{uuid.uuid4().hex}", options)
    server.program = [str(Path(__file__).with_name("faulty.py"))]
    server.environment = {"FAULT_FILE": str(folder / "fault")}
    server.start()
    walker = kind(server)
    walker.register()
    yield walker
    end(server)


@pytest.mark.parametrize("number", SHORT)
def test_death_at_a_point_costs_nothing(walker: Walker, number: int) -> None:
    assert walker.walk(number)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_death_at_any_point_costs_nothing(walker: Walker) -> None:
    for number in itertools.count(1):
        if not walker.walk(number):
            break
    assert number > max(SHORT)


class Everything(Walker):
    """As :class:`Walker`, with a node of each kind and flytekit's tasks."""

    EXPECTED = ("first", "inside", "launched", "then", "yielded")

    def register(self) -> None:
        self.server.register("everything")

    def _create(self, name: str) -> bool:
        remote = self.server.remote()
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        try:
            plan = remote.fetch_launch_plan(name="examples.everything.everything", version="v1")
            # Adopts the one of this name, if there is one.
            remote.execute(plan, inputs={"folder": str(folder)}, execution_name=name)
        except (FlyteException, grpc.RpcError):
            return False
        return True

    def _check(self, name: str, where: str) -> None:
        lines = [line.split() for line in (self.folder / name / "lines").read_text().splitlines()]
        assert sorted(line[0] for line in lines) == list(self.EXPECTED), where
        remote = self.server.remote()
        execution = remote.sync(remote.fetch_execution(name=name))
        assert execution.closure.phase == WorkflowExecution.SUCCEEDED, (where, execution.closure.error)
        outputs = [execution.outputs[f"o{index}"] for index in range(4)]
        assert outputs == ["inside", "launched", [1, 4, 9], "then"], where
        with contextlib.closing(sqlite3.connect(self.server.state / "flyte.db")) as database:
            rows = _rows_of(database, name)
            assert database.execute("SELECT count(*) FROM reservations").fetchone() == (0,), where
        assert {phase for _, phase in rows["node_executions"]} == {"SUCCEEDED"}, where
        assert {phase for _, _, phase in rows["task_executions"]} == {"SUCCEEDED"}, where


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_death_among_all_kinds_of_nodes_costs_nothing(tmp_path: Path) -> None:
    """Every eleventh point, which meets each kind of node at several of its steps."""
    for walker in _walkers(Everything, tmp_path, []):
        for number in itertools.count(1, 11):
            if not walker.walk(number):
                break
