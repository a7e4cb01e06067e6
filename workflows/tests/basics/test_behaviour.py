"""What the examples are about besides results: who waits for what, what is repeated, what is left behind."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Callable
from typing import Any

from basics.hello_world import greet
from basics.launch_plans import hip_hip
from flyteidl.admin import task_execution_pb2
from flyteidl.core.execution_pb2 import NodeExecution, TaskExecution, WorkflowExecution
from flyteidl.service import dataproxy_pb2
from flytekit.models.core.identifier import NodeExecutionIdentifier
from flytekit.remote import FlyteWorkflowExecution

from .conftest import Flyte

LIMIT_SECONDS = 60.0


def eventually(look: Callable[[], Any]) -> Any:
    """Look until there is something; nobody tells a client."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not (found := look()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)
    return found


def nodes(flyte: Flyte, execution: FlyteWorkflowExecution) -> dict[str, Any]:
    return flyte.remote.sync(flyte.wait(execution), sync_nodes=True).node_executions


def log(flyte: Flyte, execution: FlyteWorkflowExecution, node: str, attempt: int = 0) -> str:
    path = flyte.sandbox.log_path(execution.id.to_flyte_idl(), node, attempt)
    return path.read_text() if path else ""


def test_an_execution_waits_for_a_title_and_an_approval(flyte: Flyte) -> None:
    execution = flyte.launch("waiting.waiting_wf", topic="boats")
    name = execution.id.name

    def waits_for() -> set[str]:
        return {signal.id.signal_id for signal in flyte.remote.list_signals(name)}

    eventually(lambda: "approve-report" in waits_for())
    flyte.remote.approve("approve-report", name)
    eventually(lambda: "title" in waits_for())
    assert flyte.remote.sync(execution).closure.phase == WorkflowExecution.RUNNING
    flyte.remote.set_input("title", name, "Monthly")
    assert flyte.outputs(execution)["o0"] == "Monthly: A report about boats"


def test_references_use_what_others_have_registered(flyte: Flyte) -> None:
    outputs = flyte.outputs(flyte.launch("reference_entities.references_wf", name="Grace"))
    assert (outputs["o0"], outputs["o1"]) == (greet(name="Grace"), hip_hip(word="hip", times=2))


def test_a_branch_that_is_not_taken_does_not_run_and_a_failing_one_says_why(flyte: Flyte) -> None:
    failed = flyte.wait(flyte.launch("conditionals.collatz_wf", number=-1))
    assert failed.closure.phase == WorkflowExecution.FAILED
    assert "the number must be greater than zero" in failed.error.message


def test_a_failure_node_cleans_up_and_is_told_the_error(flyte: Flyte) -> None:
    execution = flyte.launch("failure_nodes.failure_wf", name="green", lucky=False)
    failed = flyte.wait(execution)
    assert failed.closure.phase == WorkflowExecution.FAILED
    assert "out of luck" in failed.error.message
    said = [log(flyte, execution, node) for node in nodes(flyte, execution)]
    assert any("cluster green is down, because:" in text and "out of luck" in text for text in said), said


def test_a_retry_goes_on_from_the_checkpoint(flyte: Flyte) -> None:
    execution = flyte.launch("checkpoints.checkpoints_wf", epochs=4, fail_after=3)
    assert flyte.outputs(execution)["o0"] == [0, 1, 2, 3]
    assert [line for line in log(flyte, execution, "n0", 0).splitlines() if line.startswith("epoch")] == [
        "epoch 0", "epoch 1", "epoch 2"
    ]  # fmt: skip
    assert [line for line in log(flyte, execution, "n0", 1).splitlines() if line.startswith("epoch")] == [
        "epoch 3"
    ]


def test_every_failed_attempt_is_kept(flyte: Flyte) -> None:
    attempts = nodes(flyte, flyte.launch("retries_and_timeouts.retries_wf", succeeds_at=2))[
        "n0"
    ].task_executions
    assert [attempt.closure.phase for attempt in attempts] == [
        TaskExecution.FAILED, TaskExecution.FAILED, TaskExecution.SUCCEEDED
    ]  # fmt: skip


def test_a_task_that_takes_too_long_is_stopped(flyte: Flyte) -> None:
    failed = flyte.wait(flyte.launch("retries_and_timeouts.timeout_wf", seconds=30.0))
    assert failed.closure.phase == WorkflowExecution.FAILED
    assert "timed out" in failed.error.message.lower() or "timeout" in failed.error.code.lower()


def test_what_was_cached_is_not_run_again(flyte: Flyte) -> None:
    first = nodes(flyte, flyte.launch("caching.caching_wf", number=77, rows=7))
    second = nodes(flyte, flyte.launch("caching.caching_wf", number=77, rows=7))
    for node, ran in (("n0", True), ("n1", False), ("n3", True), ("n5", False)):
        assert bool(first[node].task_executions) == ran, node
    assert not any(second[node].task_executions for node in ("n0", "n1", "n3", "n5"))


def test_a_deck_can_be_read(flyte: Flyte) -> None:
    execution = flyte.launch("decks.decks_wf", rows=6)
    flyte.outputs(execution)
    node = NodeExecutionIdentifier("n0", execution.id).to_flyte_idl()
    request = dataproxy_pb2.CreateDownloadLinkRequest(
        artifact_type=dataproxy_pb2.ARTIFACT_TYPE_DECK, node_execution_id=node
    )
    (url,) = flyte.remote.client._dataproxy_stub.CreateDownloadLink(request).pre_signed_urls.signed_url
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - our own address
        page = answer.read().decode()
    assert "The first 6 squares" in page


def test_elements_of_a_map_task_may_fail(flyte: Flyte) -> None:
    mapped = nodes(flyte, flyte.launch("map_tasks.tolerant_wf", numbers=[0.0, 2.0]))["n0"]
    assert mapped.closure.phase == NodeExecution.SUCCEEDED
    assert mapped.outputs["o0"] == [None, 0.5]


def test_secrets_are_in_no_log(flyte: Flyte) -> None:
    execution = flyte.launch("using_secrets.secrets_wf")
    flyte.outputs(execution)
    folders = list(flyte.sandbox.config.attempts.glob(f"*{execution.id.name}*"))
    kept = [
        path
        for folder in folders
        for path in [*folder.glob("*.*"), folder / "log", *folder.glob("outputs/*")]
    ]
    assert len(folders) == 2
    assert not [path for path in kept if path.is_file() and b"open sesame" in path.read_bytes()]


def test_what_a_machine_cannot_give_is_said_and_the_task_runs(flyte: Flyte) -> None:
    execution = flyte.launch("resources.resources_wf")
    assert flyte.outputs(execution)["o0"] == 12
    (attempt,) = nodes(flyte, execution)["n1"].task_executions
    request = task_execution_pb2.TaskExecutionGetRequest(id=attempt.id.to_flyte_idl())
    reasons = flyte.remote.client._stub.GetTaskExecution(request).closure.reasons
    assert any("GPU" in reason.message for reason in reasons)


def test_schedules_are_registered_with_their_launch_plans(flyte: Flyte) -> None:
    plan = flyte.remote.fetch_launch_plan(name="basics.schedules.every_new_year", version="v1")
    schedule = plan.entity_metadata.schedule
    assert schedule.cron_schedule.schedule == "0 3 1 1 *"
    assert schedule.kickoff_time_input_arg == "kickoff_time"
