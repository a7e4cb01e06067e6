"""Which node is to blame, and how errors read."""

from __future__ import annotations

import pytest

from flyte_provider._client.admin import FlyteClient
from flyte_provider._client.failures import FailedNode, find_failed_node
from flyte_provider._client.outcomes import describe_failure, error_of, summarise
from flyte_provider.connection import FlyteConnection
from flyte_provider.exceptions import (
    FlyteExecutionAbortedError,
    FlyteExecutionFailedError,
    FlyteExecutionTimedOutError,
    FlyteExecutionUserError,
)

from ..fakes.admin import FakeAdmin, Phase, execution_id, user_error

LONG = (
    "Traceback (most recent call last):\n" + "  line\n" * 50 + "\nMessage:\n\n    ValueError: no such column"
)


@pytest.fixture
def client(admin: FakeAdmin) -> FlyteClient:
    return FlyteClient(FlyteConnection("c", f"127.0.0.1:{admin.port}", insecure=True), retry_seconds=0)


def test_the_failed_nodes_whole_error_and_logs_are_found(admin: FakeAdmin, client: FlyteClient) -> None:
    admin.add_failed_node("e1", "n1", LONG, attempts=2)
    node = find_failed_node(client, execution_id("e1"))
    assert node is not None
    assert (node.path, node.attempt, node.error.message) == ("n1", 2, LONG)
    assert node.logs == {"log": "http://logs/e1/n1/1"}


def test_nodes_within_nodes_are_followed(admin: FakeAdmin, client: FlyteClient) -> None:
    admin.add_failed_node("e1", "n0", "outer", is_parent=True)
    admin.add_failed_node("e1", "n0-0-n3", "inner", parent="n0")
    node = find_failed_node(client, execution_id("e1"))
    assert node is not None
    assert (node.path, node.error.message) == ("n0/n0-0-n3", "inner")


def test_a_launch_plans_execution_is_followed(admin: FakeAdmin, client: FlyteClient) -> None:
    admin.add_failed_node("e1", "n0", "outer", child="child1")
    admin.add_failed_node("child1", "n5", "inner")
    node = find_failed_node(client, execution_id("e1"))
    assert node is not None
    assert (node.path, node.error.message) == ("n0/child1/n5", "inner")


def test_a_parent_without_failed_children_is_to_blame_itself(admin: FakeAdmin, client: FlyteClient) -> None:
    admin.add_failed_node("e1", "n0", "outer", is_parent=True)
    node = find_failed_node(client, execution_id("e1"))
    assert node is not None
    assert (node.path, node.attempt, node.error.message) == ("n0", 0, "outer")


def test_without_failed_nodes_nobody_is_to_blame(client: FlyteClient) -> None:
    assert find_failed_node(client, execution_id("e1")) is None


def test_a_server_that_does_not_tell_hides_nothing_else(admin: FakeAdmin, client: FlyteClient) -> None:
    admin.fail("ListNodeExecutions")
    assert find_failed_node(client, execution_id("e1")) is None


def failed(admin: FakeAdmin, message: str, **fields: object) -> FlyteExecutionFailedError:
    execution = admin.add_execution("e1", Phase.FAILED)
    execution.closure.error.CopyFrom(user_error(message))
    error = error_of(execution, "http://c/e1", **fields)  # type: ignore[arg-type]
    assert isinstance(error, FlyteExecutionFailedError)
    return error


def test_a_failure_says_where_why_and_where_to_look(admin: FakeAdmin) -> None:
    node = FailedNode("n0/n1", 1, user_error("boom", "USER:ValueError"), {})
    error = failed(admin, "outer", failed_node=node)
    message = "Execution e1 failed in node n0/n1 (USER:ValueError): boom; http://c/e1"
    assert str(error) == message
    assert isinstance(error, FlyteExecutionUserError)
    assert (error.name, error.phase, error.kind, error.code) == ("e1", "FAILED", "USER", "USER:ValueError")
    assert (error.node, error.error_message, error.url) == ("n0/n1", "boom", "http://c/e1")


def test_a_failure_without_a_node_has_the_executions_error(admin: FakeAdmin) -> None:
    assert str(failed(admin, "boom")) == "Execution e1 failed (USER:RuntimeError): boom; http://c/e1"


def test_a_system_failure_is_no_users_failure(admin: FakeAdmin) -> None:
    execution = admin.add_execution("e1", Phase.FAILED)
    execution.closure.error.message = "node lost"
    execution.closure.error.kind = 2
    error = error_of(execution, "u")
    assert type(error) is FlyteExecutionFailedError
    assert str(error) == "Execution e1 failed (SYSTEM:error): node lost; u"


def test_an_abort_says_who_and_why(admin: FakeAdmin) -> None:
    execution = admin.add_execution("e1", Phase.ABORTED)
    error = error_of(execution, "u")
    assert isinstance(error, FlyteExecutionAbortedError)
    assert str(error) == "Execution e1 aborted: no cause given; u"
    execution.closure.abort_metadata.cause = "too slow"
    execution.closure.abort_metadata.principal = "ada"
    error = error_of(execution, "u")
    assert isinstance(error, FlyteExecutionAbortedError)
    assert str(error) == "Execution e1 aborted by ada: too slow; u"
    assert (error.by, error.cause) == ("ada", "too slow")


def test_flytes_own_timeout_is_told_apart_from_airflows(admin: FakeAdmin) -> None:
    error = error_of(admin.add_execution("e1", Phase.TIMED_OUT), "u")
    assert isinstance(error, FlyteExecutionTimedOutError)
    assert str(error) == "Execution e1 timedout: Flyte's own time limit passed; u"


@pytest.mark.parametrize("phase", [Phase.SUCCEEDED, Phase.RUNNING, Phase.ABORTING, Phase.UNDEFINED])
def test_other_phases_are_no_errors(admin: FakeAdmin, phase: int) -> None:
    assert error_of(admin.add_execution("e1", phase), "u") is None


@pytest.mark.parametrize(
    ("message", "summary"),
    [
        (LONG, "ValueError: no such column"),
        ("boom", "boom"),
        ("a\nb\n\n", "b"),
        ("", "no message"),
        ("x\nMessage:\n", "Message:"),
        ("y" * 600, "y" * 500 + "…"),
    ],
)
def test_an_error_message_is_summarised(message: str, summary: str) -> None:
    assert summarise(message) == summary


def test_the_task_log_has_the_whole_story() -> None:
    error = user_error("Trace\nboom")
    error.error_uri = "s3://b/error.pb"
    story = describe_failure(FailedNode("n0", 3, error, {"log": "http://logs/1"}))
    assert story.splitlines() == [
        "Node n0 failed at attempt 3:",
        "  Trace",
        "  boom",
        "  log: http://logs/1",
        "  error file: s3://b/error.pb",
    ]
