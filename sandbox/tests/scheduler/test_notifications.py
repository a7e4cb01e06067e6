"""Notifications: stored, shown, and said in the log in place of being sent."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from flyteidl.admin import common_pb2, execution_pb2
from flyteidl.core.execution_pb2 import WorkflowExecution

from flyte_sandbox.testing import TestSandbox, running_sandbox

from ..waiting import eventually
from .plans import cron, requests

SUCCEEDED, FAILED = WorkflowExecution.SUCCEEDED, WorkflowExecution.FAILED


def notification(kind: str, phase: int, *recipients: str) -> common_pb2.Notification:
    found = common_pb2.Notification(phases=[phase])
    getattr(found, kind).recipients_email.extend(recipients)
    return found


def run(sandbox: TestSandbox, spec: execution_pb2.ExecutionSpec) -> execution_pb2.Execution:
    request = execution_pb2.ExecutionCreateRequest(project="flytesnacks", domain="development", spec=spec)
    id = sandbox.admin.launching.create(request).id
    get = execution_pb2.WorkflowExecutionGetRequest(id=id)
    eventually(lambda: sandbox.admin.executions.get(get).closure.phase == SUCCEEDED)
    return sandbox.admin.executions.get(get)


def test_the_log_says_who_would_have_been_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    task, workflow, plan = requests("flytesnacks", "told", cron("@daily"))
    stored = [
        notification("email", SUCCEEDED, "ann@example.com", "bob@example.com"),
        notification("slack", FAILED, "team@example.com"),
    ]
    plan.spec.entity_metadata.notifications.extend(stored)
    with running_sandbox(state=tmp_path, warm=False) as sandbox, caplog.at_level(logging.INFO):
        sandbox.admin.tasks.create(task)
        sandbox.admin.workflows.create(workflow)
        sandbox.admin.launch_plans.create(plan)
        execution = run(sandbox, execution_pb2.ExecutionSpec(launch_plan=plan.id))
        assert list(execution.closure.notifications) == stored
        (line,) = said(caplog)
        assert f"execution {execution.id.name} of flytesnacks-development is SUCCEEDED" in line
        assert "would tell ann@example.com, bob@example.com by e-mail" in line
        silent = run(sandbox, execution_pb2.ExecutionSpec(launch_plan=plan.id, disable_all=True))
        assert not silent.closure.notifications
    assert len(said(caplog)) == 1


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [text for one in caplog.records if "would tell" in (text := one.getMessage())]
