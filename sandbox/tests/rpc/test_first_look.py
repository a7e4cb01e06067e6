"""Who may be kept waiting for the end of a new execution, for how long, and that nobody else is."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path
from typing import Any

import grpc
import pytest
from flyteidl.admin import execution_pb2
from flyteidl.core.execution_pb2 import WorkflowExecution
from flyteidl.core.identifier_pb2 import WorkflowExecutionIdentifier
from flyteidl.service import admin_pb2_grpc

from flyte_sandbox.clock import ManualClock
from flyte_sandbox.db.times import to_timestamp
from flyte_sandbox.rpc.first_look import FirstLook
from flyte_sandbox.testing import running_sandbox

from ..engine.runs import launch, register_counter

ID = WorkflowExecutionIdentifier(project="p", domain="development", name="a1")
REQUEST = execution_pb2.WorkflowExecutionGetRequest(id=ID)
A_MINUTE = 60.0
RUNNING, SUCCEEDED = WorkflowExecution.RUNNING, WorkflowExecution.SUCCEEDED


class Looking:
    """A first look at one execution that runs, and that ends when a test says so."""

    def __init__(self, seconds: float = 30.0, wait_seconds: float = 30.0) -> None:
        self.clock = ManualClock()
        self.execution = execution_pb2.Execution(id=ID)
        self.execution.closure.created_at.CopyFrom(to_timestamp(self.clock.now()))
        self.execution.closure.phase = RUNNING
        self.reads = 0
        self._second_read = asyncio.Event()
        self.look = FirstLook(self._get, self.clock, seconds, wait_seconds)

    async def _get(self, _: Any) -> execution_pb2.Execution:
        self.reads += 1
        if self.reads % 2 == 0:
            self._second_read.set()
        copy = execution_pb2.Execution()
        copy.CopyFrom(self.execution)
        return copy

    def end(self) -> None:
        """As the engine does: from another thread, after it has written it down."""
        self.execution.closure.phase = SUCCEEDED
        engine = threading.Thread(target=self.look.notify, args=(ID,))
        engine.start()
        engine.join()

    async def listening(self, seconds_left: float | None = None) -> asyncio.Task[Any]:
        """A caller who has been told nothing yet."""
        self.reads = 0
        self._second_read.clear()
        caller = asyncio.create_task(self.look(REQUEST, seconds_left))
        await self._second_read.wait()
        assert not caller.done()
        return caller


async def phase(caller: asyncio.Task[Any]) -> int:
    return int((await asyncio.wait_for(caller, 10)).closure.phase)


async def answered_at_once(looking: Looking, seconds_left: float | None = None) -> bool:
    reads = looking.reads
    answer = await looking.look(REQUEST, seconds_left)
    assert answer.closure.phase == looking.execution.closure.phase
    return looking.reads == reads + 1


async def test_the_end_of_a_new_execution_is_told_when_it_comes() -> None:
    looking = Looking()
    caller = await looking.listening()
    looking.end()
    assert await phase(caller) == SUCCEEDED
    assert await answered_at_once(looking)


async def test_patience_is_spent_once() -> None:
    looking = Looking(seconds=0.01)
    assert not await answered_at_once(looking)
    assert await answered_at_once(looking)


async def test_what_began_a_while_ago_is_answered_at_once() -> None:
    looking = Looking()
    looking.clock.skip(1)
    assert await answered_at_once(looking)


async def test_who_waits_as_flytekit_does_is_kept_longer() -> None:
    looking = Looking(seconds=0.01)
    assert not await answered_at_once(looking)
    looking.clock.skip(20)
    assert await answered_at_once(looking, 30.0)
    caller = await looking.listening(A_MINUTE)
    looking.end()
    assert await phase(caller) == SUCCEEDED


async def test_after_some_seconds_nobody_is_kept() -> None:
    looking = Looking()
    looking.clock.skip(30)
    assert await answered_at_once(looking, A_MINUTE)


async def test_an_end_is_told_to_all_who_wait() -> None:
    looking = Looking(seconds=10.0)
    callers = [await looking.listening(), await looking.listening(A_MINUTE)]
    looking.end()
    assert [await phase(caller) for caller in callers] == [SUCCEEDED, SUCCEEDED]


async def test_who_hangs_up_does_not_keep_the_others_from_being_told() -> None:
    looking = Looking(seconds=10.0)
    leaves, stays = await looking.listening(), await looking.listening(A_MINUTE)
    leaves.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaves
    looking.end()
    assert await phase(stays) == SUCCEEDED


@pytest.mark.parametrize("seconds_left", [None, A_MINUTE])
async def test_an_eager_task_is_not_kept_from_its_other_children(seconds_left: float | None) -> None:
    looking = Looking()
    looking.execution.spec.labels.values["eager-exec"] = "aparent"
    assert await answered_at_once(looking, seconds_left)


@pytest.mark.processes
def test_a_callers_deadline_says_how_it_waits(tmp_path: Path) -> None:
    """Through the one port, as flytekit's ``wait`` does it."""
    gate = tmp_path / "pipe"  # the task writes to it, and ends when somebody reads
    os.mkfifo(gate)
    patience: dict[str, Any] = {"first_look_seconds": 0.0, "first_wait_seconds": 30.0}
    with (
        running_sandbox(warm=False, **patience) as sandbox,
        grpc.insecure_channel(sandbox.endpoint) as channel,
    ):
        request = launch(sandbox, register_counter(sandbox, gate))
        admin = admin_pb2_grpc.AdminServiceStub(channel)
        assert admin.GetExecution(request).closure.phase != SUCCEEDED
        assert admin.GetExecution(request, timeout=20).closure.phase != SUCCEEDED
        waiting = admin.GetExecution.future(request, timeout=A_MINUTE)
        assert gate.read_text() == "ran\n"
        assert waiting.result().closure.phase == SUCCEEDED
