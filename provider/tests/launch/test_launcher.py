"""Exactly one execution per task instance and epoch, whatever happened before."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import grpc
import pytest
from flyteidl.core import types_pb2

from flyte_provider._client.admin import FlyteClient
from flyte_provider._launch import identity as ids
from flyte_provider._launch.identity import Coordinates
from flyte_provider._launch.launcher import Launched, Launcher, LaunchRequest
from flyte_provider._launch.target import LaunchOptions, Target
from flyte_provider.connection import FlyteConnection
from flyte_provider.exceptions import (
    FlyteConcurrencyLimitError,
    FlyteEntityNotFoundError,
    FlyteExecutionConflictError,
    FlyteInputError,
    FlyteServerError,
)

from ..fakes.admin import DOMAIN, PROJECT, FakeAdmin, Phase

INT = types_pb2.LiteralType(simple=types_pb2.INTEGER)
LOG = logging.getLogger("task")
NOW = datetime.now(timezone.utc)
FIRST = Coordinates("dag", "run", "task", run_started_at=NOW)
SECOND = replace(FIRST, try_number=2)
REQUEST = LaunchRequest(PROJECT, DOMAIN, Target("launch plan", "lp"), {"x": 1}, FIRST)

Launch = Callable[..., Launched]


@pytest.fixture
def launch(admin: FakeAdmin) -> Launch:
    """Launch REQUEST with some fields changed."""
    admin.add_launch_plan("lp", {"x": INT})
    admin.script = None
    connection = FlyteConnection("c", f"127.0.0.1:{admin.port}", insecure=True)
    client = FlyteClient(connection, pause=lambda _: None)
    return lambda **changes: Launcher(client, replace(REQUEST, **changes), LOG).launch()


def name(try_number: int, coordinates: Coordinates = FIRST, salt: str = "") -> str:
    return ids.execution_name(coordinates, try_number, salt)


# -- the first try -------------------------------------------------------------------------------------------


def test_a_first_try_creates_in_two_calls(admin: FakeAdmin, launch: Launch) -> None:
    launched = launch()
    assert (launched.how, launched.id.name) == ("created", name(1))
    assert admin.calls == ["GetActiveLaunchPlan", "CreateExecution"]


def test_the_execution_says_whose_it_is(admin: FakeAdmin, launch: Launch) -> None:
    launch(options=LaunchOptions(labels={"mine": "l"}, annotations={"mine": "a"}))
    spec = admin.executions[name(1)].spec
    assert spec.annotations.values["mine"] == "a"
    assert ids.belongs_to_task(spec.annotations.values, FIRST)
    assert spec.labels.values["mine"] == "l"
    assert spec.labels.values["airflow.apache.org/dag_id"] == "dag"


@pytest.mark.parametrize("inputs", [{"x": "a"}, {"y": 1}])
def test_wrong_inputs_create_nothing(admin: FakeAdmin, launch: Launch, inputs: dict[str, Any]) -> None:
    with pytest.raises(FlyteInputError):
        launch(inputs=inputs)
    assert admin.count("CreateExecution") == 0


def test_a_wrong_name_creates_nothing(admin: FakeAdmin, launch: Launch) -> None:
    with pytest.raises(FlyteEntityNotFoundError, match="did you mean 'lp'"):
        launch(target=Target("launch plan", "lpp"))
    assert admin.count("CreateExecution") == 0


def test_a_create_without_an_answer_is_one_execution(admin: FakeAdmin, launch: Launch) -> None:
    admin.fail("CreateExecution", after=True)
    launched = launch()
    assert (launched.how, launched.id.name) == ("attached", name(1))
    assert list(admin.executions) == [name(1)]


def test_mapped_tasks_have_executions_of_their_own(admin: FakeAdmin, launch: Launch) -> None:
    for index in range(5):
        launch(coordinates=replace(FIRST, map_index=index), inputs={"x": index})
    sent = [
        request.inputs.literals["x"].scalar.primitive.integer for request in admin.requests["CreateExecution"]
    ]
    assert sent == [0, 1, 2, 3, 4]
    assert len(admin.executions) == 5


def test_a_concurrency_limit_is_not_taken_for_success(admin: FakeAdmin, launch: Launch) -> None:
    admin.refuses_as_concurrency_limit = True
    with pytest.raises(FlyteConcurrencyLimitError, match="the concurrency limit of launch plan 'lp'"):
        launch()


@pytest.mark.parametrize(
    ("annotations", "words"),
    [
        ({}, "it was not launched by Airflow"),
        (ids.make_annotations(replace(FIRST, dag_id="other"), "d"), r"it was launched by other\.task"),
        (ids.make_annotations(FIRST, "d"), "this task launched it with other inputs"),
    ],
)
def test_anothers_execution_of_our_name_is_a_conflict(
    admin: FakeAdmin, launch: Launch, annotations: dict[str, str], words: str
) -> None:
    admin.add_execution(name(1), annotations=annotations)
    with pytest.raises(FlyteExecutionConflictError, match=words):
        launch()


def test_an_execution_older_than_the_run_is_passed_over(
    admin: FakeAdmin, launch: Launch, caplog: pytest.LogCaptureFixture
) -> None:
    launch()
    first = admin.executions[name(1)]
    first.closure.created_at.FromDatetime(NOW - timedelta(hours=1))
    first.closure.phase = Phase.SUCCEEDED
    with caplog.at_level(logging.INFO):
        again = launch()
    assert (again.how, again.id.name) == ("created", name(1, salt=NOW.isoformat()))
    assert f"Execution {name(1)} is of an earlier Dag run of this id" in caplog.text


KEYED = replace(FIRST, run_key="2024-01-01T00:00:00+00:00")
AGAIN = replace(KEYED, run_key="2024-01-01T00:01:00+00:00", run_started_at=NOW + timedelta(minutes=1))


@pytest.mark.parametrize("phase", [Phase.RUNNING, Phase.SUCCEEDED])
def test_a_run_made_again_within_minutes_launches_its_own(
    admin: FakeAdmin, launch: Launch, phase: int
) -> None:
    """A Dag run that was deleted and triggered again under the same id, sooner than clocks may differ."""
    launch(coordinates=KEYED)
    admin.executions[name(1)].closure.phase = phase
    again = launch(coordinates=AGAIN)
    assert (again.how, again.id.name) == ("created", name(1, salt=ids.salt_of_run(AGAIN)))
    retry = launch(coordinates=replace(AGAIN, try_number=2))
    assert (retry.how, retry.id.name) == ("attached", again.id.name)


def test_an_explicit_name_of_another_run_is_a_conflict(admin: FakeAdmin, launch: Launch) -> None:
    launch(coordinates=KEYED, explicit_name="mine")
    with pytest.raises(FlyteExecutionConflictError, match="in an earlier Dag run of this id"):
        launch(coordinates=AGAIN, explicit_name="mine")


def test_clocks_may_differ_by_minutes(admin: FakeAdmin, launch: Launch) -> None:
    launch()
    admin.executions[name(1)].closure.created_at.FromDatetime(NOW - timedelta(minutes=4))
    assert launch().how == "attached"


def test_a_retry_finds_the_execution_that_was_made_beside_an_older_one(
    admin: FakeAdmin, launch: Launch
) -> None:
    launch()
    admin.executions[name(1)].closure.created_at.FromDatetime(NOW - timedelta(hours=1))
    beside = launch()
    assert launch(coordinates=SECOND).id.name == beside.id.name


# -- a retry -------------------------------------------------------------------------------------------------


def test_a_retry_attaches_to_what_still_runs(admin: FakeAdmin, launch: Launch) -> None:
    launch()
    launched = launch(coordinates=SECOND)
    assert (launched.how, launched.id.name) == ("attached", name(1))
    assert admin.count("CreateExecution") == 1


def test_a_retry_takes_a_success(admin: FakeAdmin, launch: Launch) -> None:
    launch()
    admin.end(name(1))
    launched = launch(coordinates=SECOND)
    assert (launched.how, launched.id.name) == ("already succeeded", name(1))
    assert launched.execution is not None


@pytest.mark.parametrize(
    "phase", [Phase.FAILED, Phase.ABORTED, Phase.TIMED_OUT, Phase.ABORTING, Phase.FAILING]
)
def test_a_retry_launches_anew_after_a_failure(admin: FakeAdmin, launch: Launch, phase: int) -> None:
    launch()
    admin.executions[name(1)].closure.phase = phase
    launched = launch(coordinates=SECOND)
    assert (launched.how, launched.id.name) == ("created", name(2))


def test_a_retry_with_other_inputs_does_not_take_an_old_success(admin: FakeAdmin, launch: Launch) -> None:
    launch()
    admin.end(name(1))
    assert launch(coordinates=SECOND, inputs={"x": 2}).id.name == name(2)


def test_a_retry_with_other_inputs_joins_what_still_runs_and_says_so(
    admin: FakeAdmin, launch: Launch, caplog: pytest.LogCaptureFixture
) -> None:
    launch()
    assert launch(coordinates=SECOND, inputs={"x": 2}).id.name == name(1)
    assert "was launched with other inputs than this task has now" in caplog.text


def test_a_later_retry_looks_further_back(admin: FakeAdmin, launch: Launch) -> None:
    """Try 2 died before it created anything."""
    launch()
    assert launch(coordinates=replace(FIRST, try_number=3)).id.name == name(1)


def test_a_retry_after_nothing_creates(admin: FakeAdmin, launch: Launch) -> None:
    assert launch(coordinates=SECOND).how == "created"


def test_a_retry_that_is_not_durable_launches_anew(admin: FakeAdmin, launch: Launch) -> None:
    launch()
    assert launch(coordinates=SECOND, is_durable=False).id.name == name(2)


def test_a_retry_does_not_attach_to_an_older_run(admin: FakeAdmin, launch: Launch) -> None:
    launch()
    admin.executions[name(1)].closure.created_at.FromDatetime(NOW - timedelta(hours=1))
    launched = launch(coordinates=SECOND)
    assert (launched.how, launched.id.name) == ("created", name(2))


def test_a_remembered_name_is_looked_at_too(admin: FakeAdmin, launch: Launch) -> None:
    admin.add_execution("other", annotations=ids.make_annotations(FIRST, "d"))
    assert launch(coordinates=SECOND, remembered_name="other").id.name == "other"
    assert launch(coordinates=SECOND, remembered_name="gone").how == "created"


def test_a_retry_may_recover(admin: FakeAdmin, launch: Launch) -> None:
    launch()
    admin.end(name(1), Phase.FAILED)
    launched = launch(coordinates=SECOND, retry_strategy="recover")
    assert (launched.how, launched.id.name) == ("recovered", name(2))
    assert admin.count("CreateExecution") == 1


def test_a_recovery_without_an_answer_is_one_execution(admin: FakeAdmin, launch: Launch) -> None:
    launch()
    admin.end(name(1), Phase.FAILED)
    admin.fail("RecoverExecution", after=True)
    assert launch(coordinates=SECOND, retry_strategy="recover").id.name == name(2)
    assert sorted(admin.executions) == sorted([name(1), name(2)])


def test_what_cannot_be_recovered_is_launched_anew(admin: FakeAdmin, launch: Launch) -> None:
    launch()
    admin.end(name(1), Phase.FAILED)
    admin.fail("RecoverExecution", grpc.StatusCode.UNIMPLEMENTED)
    launched = launch(coordinates=SECOND, retry_strategy="recover")
    assert (launched.how, launched.id.name) == ("created", name(2))


def test_a_recovery_that_is_refused_is_an_error(admin: FakeAdmin, launch: Launch) -> None:
    launch()
    admin.end(name(1), Phase.FAILED)
    admin.fail("RecoverExecution", grpc.StatusCode.PERMISSION_DENIED)
    with pytest.raises(FlyteServerError):
        launch(coordinates=SECOND, retry_strategy="recover")


# -- a clear -------------------------------------------------------------------------------------------------

CLEARED = replace(FIRST, try_number=2, epoch=1, clear_number=1)


@pytest.mark.parametrize(("on_clear", "phase"), [("terminate", Phase.ABORTING), ("ignore", Phase.RUNNING)])
def test_a_cleared_task_starts_over(admin: FakeAdmin, launch: Launch, on_clear: str, phase: int) -> None:
    launch()
    launched = launch(coordinates=CLEARED, on_clear=on_clear)
    assert (launched.how, launched.id.name) == ("created", name(2))
    assert admin.executions[name(1)].closure.phase == phase


def test_an_execution_that_is_being_aborted_is_not_aborted_again(admin: FakeAdmin, launch: Launch) -> None:
    """The trigger of a deferred task has done it when the task was cleared."""
    launch()
    admin.executions[name(1)].closure.phase = Phase.ABORTING
    assert launch(coordinates=CLEARED).how == "created"
    assert admin.count("TerminateExecution") == 0


def test_the_cleared_execution_is_told_why(admin: FakeAdmin, launch: Launch) -> None:
    launch()
    launch(coordinates=CLEARED)
    cause = admin.executions[name(1)].closure.abort_metadata.cause
    assert cause == "Airflow: task dag.task of run run was cleared"


def test_a_cleared_success_is_not_taken(admin: FakeAdmin, launch: Launch) -> None:
    launch()
    admin.end(name(1))
    assert launch(coordinates=CLEARED).how == "created"
    assert admin.count("TerminateExecution") == 0


def test_a_cleared_task_may_go_on(admin: FakeAdmin, launch: Launch) -> None:
    launch()
    assert launch(coordinates=CLEARED, on_clear="attach").id.name == name(1)


def test_a_clear_that_did_not_move_the_clear_number_counts_as_a_retry(
    admin: FakeAdmin, launch: Launch
) -> None:
    launch()
    assert launch(coordinates=replace(CLEARED, clear_number=0)).how == "attached"


def test_a_clear_of_a_finished_run_moves_its_start(admin: FakeAdmin, launch: Launch) -> None:
    launch()
    later = replace(CLEARED, run_started_at=NOW + timedelta(hours=1))
    assert launch(coordinates=later).how == "created"
    assert admin.executions[name(1)].closure.phase == Phase.ABORTING


def test_the_retry_after_a_clear_looks_back_to_the_clear_only(admin: FakeAdmin, launch: Launch) -> None:
    launch()
    retry = replace(CLEARED, try_number=3)
    assert launch(coordinates=retry).id.name == name(3)


def test_an_execution_that_ended_meanwhile_needs_no_termination(admin: FakeAdmin, launch: Launch) -> None:
    launch()
    admin.fail("TerminateExecution", grpc.StatusCode.FAILED_PRECONDITION)
    assert launch(coordinates=CLEARED).how == "created"


def test_an_execution_that_cannot_be_terminated_stops_the_launch(admin: FakeAdmin, launch: Launch) -> None:
    launch()
    admin.fail("TerminateExecution", grpc.StatusCode.PERMISSION_DENIED)
    with pytest.raises(FlyteServerError):
        launch(coordinates=CLEARED)
    assert admin.count("CreateExecution") == 1


# -- a name of the user's ------------------------------------------------------------------------------------


def test_a_given_name_is_taken(launch: Launch) -> None:
    assert launch(explicit_name="mine").id.name == "mine"


def test_a_retry_finds_the_given_name(admin: FakeAdmin, launch: Launch) -> None:
    launch(explicit_name="mine")
    assert launch(explicit_name="mine", coordinates=SECOND).how == "attached"


def test_a_given_name_of_another_is_a_conflict_unless_wished(admin: FakeAdmin, launch: Launch) -> None:
    admin.add_execution("mine")
    with pytest.raises(FlyteExecutionConflictError):
        launch(explicit_name="mine")
    assert launch(explicit_name="mine", takes_existing=True).how == "attached"


def test_a_given_name_of_an_earlier_run_is_a_conflict(admin: FakeAdmin, launch: Launch) -> None:
    launch(explicit_name="mine")
    admin.executions["mine"].closure.created_at.FromDatetime(NOW - timedelta(hours=1))
    with pytest.raises(FlyteExecutionConflictError, match="in an earlier Dag run of this id"):
        launch(explicit_name="mine")


def test_a_given_name_is_not_recovered_under_itself(admin: FakeAdmin, launch: Launch) -> None:
    launch(explicit_name="mine")
    admin.end("mine", Phase.FAILED)
    launched = launch(explicit_name="mine", coordinates=SECOND, retry_strategy="recover")
    assert (launched.how, admin.count("RecoverExecution")) == ("attached", 0)


def test_the_wanted_name_is_known_while_launching(admin: FakeAdmin, launch: Launch) -> None:
    """A kill that arrives while the server does not answer must know what to terminate."""
    connection = FlyteConnection("c", f"127.0.0.1:{admin.port}", insecure=True)
    launcher = Launcher(FlyteClient(connection, retry_seconds=0), REQUEST, LOG)
    assert launcher.name == ""
    admin.fail("CreateExecution")
    with pytest.raises(FlyteServerError):
        launcher.launch()
    assert launcher.name == name(1)
