"""What events of nodes say beside their phase."""

from __future__ import annotations

import pytest
from flyteidl.core import identifier_pb2
from flyteidl.event import event_pb2

from flyte_sandbox.engine.messages import AttemptEnded, NodeEvent, Outcome, Terminate
from flyte_sandbox.engine.model import ExecutionError

from ..graphs import NODE_PHASE, Stepper, echo_task, identifier, literals, task_node, template

STOPPED = Outcome(error=ExecutionError(code="Interrupted"))


def events(run: Stepper, uid: str) -> dict[str, event_pb2.NodeExecutionEvent]:
    """By phase."""
    told = [one for one in run.events if isinstance(one, NodeEvent) and one.event.id.node_id == uid]
    return {NODE_PHASE(one.event.phase): one.event for one in told}


def one_task(generates_deck: bool | None = None) -> Stepper:
    task = echo_task()
    if generates_deck is not None:
        task.template.metadata.generates_deck.value = generates_deck
    return Stepper(template([task_node("n0", ("", "text"))], ("n0", "o0")), task=task)


def test_a_task_node_names_its_task() -> None:
    run = one_task()
    run.begin()
    run.succeed("n0")
    task = identifier(identifier_pb2.TASK, "echo")
    assert {one.target_entity.SerializeToString() for one in events(run, "n0").values()} == {
        task.SerializeToString()
    }
    assert not events(run, "n0")["SUCCEEDED"].is_in_dynamic_chain


@pytest.mark.parametrize(
    ("generates", "exists", "running", "ended"),
    [
        (True, True, True, True),
        (True, False, True, False),
        (None, True, False, True),
        (None, False, False, False),
        (False, True, False, False),
    ],
)
def test_a_deck_is_told_when_the_task_makes_one(
    generates: bool | None, exists: bool, running: bool, ended: bool
) -> None:
    run = one_task(generates)
    run.begin()
    run.started("n0")
    run.send(AttemptEnded("n0", 0, Outcome(outputs=literals(o0="out"), deck=b"<p>" if exists else None)))
    told = events(run, "n0")
    assert (bool(told["RUNNING"].deck_uri), bool(told["SUCCEEDED"].deck_uri)) == (running, ended)
    if ended:
        assert told["SUCCEEDED"].deck_uri.endswith("-a2b3c4d5e6f7g8h9i0jk/n0/data/0/deck.html")


def two_tasks() -> Stepper:
    nodes = [task_node("n0", ("", "text")), task_node("n1", ("", "text"))]
    run = Stepper(template(nodes, ("n0", "o0")))
    run.begin()
    for uid in ("n0", "n1"):
        run.started(uid)
    return run


def errors(run: Stepper, uid: str) -> list[tuple[str, str]]:
    """Of the node and of its attempt, as the last events about them tell them."""
    attempts = [
        one
        for one in run.events
        if isinstance(one, event_pb2.TaskExecutionEvent) and one.parent_node_execution_id.node_id == uid
    ]
    node = list(events(run, uid).values())[-1]
    return [(one.error.code, one.error.message) for one in (node, attempts[-1])]


def test_what_a_user_ends_says_so() -> None:
    run = two_tasks()
    run.send(Terminate())
    run.send(AttemptEnded("n0", 0, STOPPED))
    assert errors(run, "n0") == [
        ("NodeAborted", "Workflow aborted."),
        ("Task Aborted", "Workflow aborted."),
    ]


def test_what_a_failure_elsewhere_ends_says_so() -> None:
    run = two_tasks()
    run.fail("n0")
    run.send(AttemptEnded("n1", 0, STOPPED))
    words = "Some node execution failed, auto-abort."
    assert errors(run, "n1") == [("NodeAborted", words), ("Task Aborted", words)]
