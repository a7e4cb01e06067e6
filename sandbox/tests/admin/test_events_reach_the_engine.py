"""An event that is reported by a call counts for the engine of this process too."""

from __future__ import annotations

from pathlib import Path

import pytest
from flyteidl.admin import event_pb2
from flyteidl.event import event_pb2 as told

from flyte_sandbox.db.times import to_timestamp
from flyte_sandbox.phases import WORKFLOW
from flyte_sandbox.testing import running_sandbox

from ..engine.runs import launch_nap, wait
from ..waiting import eventually

pytestmark = pytest.mark.processes


def test_an_execution_that_is_ended_by_an_event_stays_ended(tmp_path: Path) -> None:
    with running_sandbox(state=tmp_path / "state", warm=False) as sandbox:
        request = launch_nap(sandbox, 600)
        wait(sandbox, request, WORKFLOW.RUNNING)
        event = told.WorkflowExecutionEvent(
            execution_id=request.id,
            phase=WORKFLOW.FAILED,
            occurred_at=to_timestamp(sandbox.clock.now()),
            error={"code": "Elsewhere"},
        )
        sandbox.admin.reported_events.create_workflow(event_pb2.WorkflowExecutionEventRequest(event=event))
        eventually(lambda: not sandbox.engine._runs)
        assert sandbox.admin.executions.get(request).closure.error.code == "Elsewhere"
