"""``core-sleep``: tasks that take time and no process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flyteidl.admin import execution_pb2, node_execution_pb2, task_execution_pb2
from flyteidl.core import identifier_pb2, interface_pb2, literals_pb2, tasks_pb2, types_pb2
from flyteidl.core.execution_pb2 import NodeExecution, TaskExecution, WorkflowExecution

from flyte_sandbox.engine.tasks.sleeping import BadSleepError, sleep_duration
from flyte_sandbox.testing import Sandbox, running_sandbox

from ...conformance.entities import interface
from ...waiting import eventually
from ..runs import DURATION, launch_nap, sleep_for, wait

STRING = types_pb2.LiteralType(simple=types_pb2.STRING)


def sleep_task(signature: interface_pb2.TypedInterface) -> tasks_pb2.TaskTemplate:
    return tasks_pb2.TaskTemplate(type="core-sleep", interface=signature)


# ---- what fits the type


@pytest.mark.parametrize("seconds", [0, 0.25, 3600])
def test_the_one_input_says_how_long(seconds: float) -> None:
    task = sleep_task(interface({"duration": DURATION}, {}))
    assert sleep_duration(task, sleep_for(seconds)) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("signature", "inputs", "message"),
    [
        (interface({}, {}), sleep_for(1), "requires exactly one duration input"),
        (interface({"a": DURATION, "b": DURATION}, {}), sleep_for(1), "requires exactly one duration input"),
        (interface({"duration": DURATION}, {"o0": STRING}), sleep_for(1), "does not support outputs"),
        (interface({"duration": STRING}, {}), sleep_for(1), r"input \[duration\] must be typed as duration"),
        (interface({"other": DURATION}, {}), sleep_for(1), r"duration input \[other\] is missing"),
        (interface({"duration": DURATION}, {}), sleep_for(-1), r"\[duration\] must be non-negative"),
        (
            interface({"duration": DURATION}, {}),
            literals_pb2.LiteralMap(literals={"duration": literals_pb2.Literal()}),
            r"\[duration\] must be a duration literal",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_the_words_of_the_real_one(
    signature: interface_pb2.TypedInterface, inputs: literals_pb2.LiteralMap, message: str
) -> None:
    with pytest.raises(BadSleepError, match=message):
        sleep_duration(sleep_task(signature), inputs)


# ---- in a running sandbox


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with running_sandbox(state=tmp_path / "state") as sandbox:
        yield sandbox


def only_attempt(
    sandbox: Sandbox, request: execution_pb2.WorkflowExecutionGetRequest
) -> task_execution_pb2.TaskExecutionClosure:
    node = identifier_pb2.NodeExecutionIdentifier(execution_id=request.id, node_id="n0")
    listed = task_execution_pb2.TaskExecutionListRequest(node_execution_id=node, limit=10)
    (attempt,) = sandbox.admin.task_executions.list(listed).task_executions
    return attempt.closure


def test_a_sleep_takes_its_time_and_no_process(sandbox: Sandbox) -> None:
    request = launch_nap(sandbox, 0.3)
    wait(sandbox, request, WorkflowExecution.SUCCEEDED)
    attempt = only_attempt(sandbox, request)
    assert attempt.phase == TaskExecution.SUCCEEDED
    assert attempt.duration.ToTimedelta() >= timedelta(seconds=0.3)
    assert not list(sandbox.config.attempts.glob("*naps*"))


def test_a_sleep_of_no_time_never_runs(sandbox: Sandbox) -> None:
    request = launch_nap(sandbox, 0)
    wait(sandbox, request, WorkflowExecution.SUCCEEDED)
    attempt = only_attempt(sandbox, request)
    assert attempt.phase == TaskExecution.SUCCEEDED
    assert not attempt.HasField("started_at")


def test_a_sleep_that_cannot_be_fails_for_good(sandbox: Sandbox) -> None:
    request = launch_nap(sandbox, -1)
    wait(sandbox, request, WorkflowExecution.FAILED)
    assert only_attempt(sandbox, request).error.code == "BadTaskSpecification"


def test_aborting_wakes_the_sleeper_at_once(sandbox: Sandbox) -> None:
    request = launch_nap(sandbox, 3600)
    eventually(lambda: only_phase(sandbox, request) == NodeExecution.RUNNING)
    end = execution_pb2.ExecutionTerminateRequest(id=request.id, cause="enough")
    sandbox.admin.executions.terminate(end)
    wait(sandbox, request, WorkflowExecution.ABORTED)
    assert only_attempt(sandbox, request).phase == TaskExecution.ABORTED


def only_phase(sandbox: Sandbox, request: execution_pb2.WorkflowExecutionGetRequest) -> int:
    listed = node_execution_pb2.NodeExecutionListRequest(workflow_execution_id=request.id, limit=10)
    found = sandbox.admin.node_executions.list(listed).node_executions
    return next((node.closure.phase for node in found if node.id.node_id == "n0"), NodeExecution.UNDEFINED)


def test_a_restart_does_not_prolong_a_sleep(tmp_path: Path) -> None:
    with running_sandbox(state=tmp_path / "state") as sandbox:
        began = time.monotonic()
        request = launch_nap(sandbox, 2)
        eventually(lambda: only_phase(sandbox, request) == NodeExecution.RUNNING)
    with running_sandbox(state=tmp_path / "state") as sandbox:
        wait(sandbox, request, WorkflowExecution.SUCCEEDED)
        seconds = only_attempt(sandbox, request).duration.ToTimedelta().total_seconds()
    assert 2 <= seconds < time.monotonic() - began
    assert seconds < 4
