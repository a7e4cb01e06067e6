"""What a task leaves while it runs can be used at once, and outlives its attempt."""

from __future__ import annotations

import urllib.request
from pathlib import Path

from flyteidl.admin import task_execution_pb2
from flyteidl.core.execution_pb2 import TaskExecution, WorkflowExecution
from flyteidl.core.identifier_pb2 import NodeExecutionIdentifier
from flyteidl.service import dataproxy_pb2, dataproxy_pb2_grpc
from flytekit.remote import FlyteRemote, FlyteWorkflowExecution

from flyte_sandbox.testing import running_sandbox

from ..waiting import eventually
from .launching import Tasks, connect
from .test_kinds import run

_Request = dataproxy_pb2.CreateDownloadLinkRequest


def attempts(tasks: Tasks, execution: FlyteWorkflowExecution) -> list[str]:
    request = task_execution_pb2.TaskExecutionListRequest(node_execution_id=node_of(execution), limit=10)
    found = tasks.admin.ListTaskExecutions(request).task_executions
    by_number = sorted(found, key=lambda each: each.id.retry_attempt)
    return [
        f"{TaskExecution.Phase.Name(each.closure.phase)} {each.closure.error.code}".strip()
        for each in by_number
    ]


def node_of(execution: FlyteWorkflowExecution) -> NodeExecutionIdentifier:
    return NodeExecutionIdentifier(execution_id=execution.id.to_flyte_idl(), node_id="n0")


def test_each_attempt_goes_on_from_the_checkpoint_of_the_one_before(
    tasks: Tasks, remote: FlyteRemote, registered: str
) -> None:
    """Be it that it failed, or that it was killed."""
    ended = run(remote, "long.counting", until=4)
    assert ended.closure.phase == WorkflowExecution.SUCCEEDED, ended.error
    assert ended.outputs["o0"] == 4
    recoverable, killed = "FAILED USER:Recoverable", "FAILED Interrupted"
    assert attempts(tasks, ended) == [recoverable, killed, recoverable, "SUCCEEDED"]


STEPS = """
import os, pathlib, sys, threading
mine, before, notes = map(pathlib.Path, sys.argv[1:])
step = int((before / "step").read_text()) + 1 if before.is_dir() else 1
mine.mkdir(exist_ok=True)
(mine / "step").write_text(str(step))
(notes / f"attempt-{os.environ['FLYTE_ATTEMPT_NUMBER']}-step-{step}").touch()
while step == 1:
    threading.Event().wait(1)
"""


def test_a_launch_after_an_orderly_stop_goes_on_from_its_own_checkpoint(tmp_path: Path) -> None:
    """The same attempt number, and no retry used."""
    state, notes = tmp_path / "state", tmp_path / "notes"
    notes.mkdir()
    places = ("{{.checkpointOutputPrefix}}", "{{.prevCheckpointPrefix}}", str(notes))
    with running_sandbox(state=state) as sandbox:
        channel, first = connect(sandbox)
        with channel:
            execution = first.launch("python", "-c", STEPS, *places)
            eventually((notes / "attempt-0-step-1").exists)
    with running_sandbox(state=state) as sandbox:
        channel, second = connect(sandbox)
        with channel:
            execution.tasks = second
            assert execution.wait().phase == "SUCCEEDED"
            assert sorted(path.name for path in notes.iterdir()) == ["attempt-0-step-1", "attempt-0-step-2"]
            assert execution.phases() == ["SUCCEEDED"]


def test_a_deck_can_be_read_while_the_task_runs(
    tasks: Tasks, remote: FlyteRemote, registered: str, tmp_path: Path
) -> None:
    plan = remote.fetch_launch_plan(name="examples.long.showing", version="v1")
    execution = remote.execute(plan, inputs={"go": str(tmp_path / "go")})
    proxy = dataproxy_pb2_grpc.DataProxyServiceStub(remote.client._channel)
    request = _Request(artifact_type=dataproxy_pb2.ARTIFACT_TYPE_DECK, node_execution_id=node_of(execution))

    def deck() -> str:
        link = proxy.CreateDownloadLink(request).pre_signed_urls.signed_url[0]
        with urllib.request.urlopen(link) as answer:  # noqa: S310  # our own address
            return str(answer.read().decode())

    eventually(lambda: "half way\n" in log_of(tasks, execution))
    assert "half way" in deck()
    assert "all the way" not in deck()
    (tmp_path / "go").touch()
    ended = remote.wait(execution, poll_interval=0.1)
    assert ended.closure.phase == WorkflowExecution.SUCCEEDED
    assert "all the way" in deck()


def log_of(tasks: Tasks, execution: FlyteWorkflowExecution) -> str:
    """Through the page that follows a log."""
    id = execution.id
    url = f"{tasks.sandbox.public_url}/console/logs/{id.project}/{id.domain}/{id.name}/n0/0?raw=1"
    try:
        with urllib.request.urlopen(url) as answer:  # noqa: S310  # our own address
            return str(answer.read().decode())
    except OSError:
        return ""
