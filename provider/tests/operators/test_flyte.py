"""FlyteOperator.execute over a real channel: waiting, deferring, resuming, failing, being killed."""

from __future__ import annotations

import copy
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import grpc
import pytest
from flyteidl.core import types_pb2

from flyte_provider import _airflow_private
from flyte_provider._airflow import AirflowTaskTimeout
from flyte_provider._client.codec import decode_map, encode
from flyte_provider._launch import identity as ids
from flyte_provider.exceptions import (
    FlyteAuthenticationError,
    FlyteConfigurationError,
    FlyteExecutionAbortedError,
    FlyteExecutionDeadlineError,
    FlyteExecutionDetachedError,
    FlyteExecutionLostError,
    FlyteExecutionUserError,
    FlyteInputError,
    FlyteProviderError,
)
from flyte_provider.operators.flyte import FlyteConsoleLink, FlyteOperator, RegistryLink
from flyte_provider.triggers.flyte import FlyteExecutionTrigger

from ..fakes.admin import FakeAdmin, Phase, user_error
from ..fakes.airflow import FakeStateStore, FakeTaskInstance, make_context

try:
    from airflow.sdk.exceptions import TaskDeferred
except ImportError:
    from airflow.exceptions import TaskDeferred

INT = types_pb2.LiteralType(simple=types_pb2.INTEGER)
FLOAT = types_pb2.LiteralType(simple=types_pb2.FLOAT)
STR = types_pb2.LiteralType(simple=types_pb2.STRING)
QUICK = {"poll_interval": 0.02, "max_poll_interval": 0.02}
airflow_3 = pytest.mark.skipif(not _airflow_private.is_airflow_3(), reason="the Task SDK's signal handling")

Make = Callable[..., FlyteOperator]


@pytest.fixture
def make(admin: FakeAdmin, conn_id: str) -> Make:
    admin.add_launch_plan("lp", {"x": INT})

    def build(**kwargs: Any) -> FlyteOperator:
        defaults = {"task_id": "task", "flyte_conn_id": conn_id, "launchplan_name": "lp", "inputs": {"x": 1}}
        return FlyteOperator(**defaults | QUICK | kwargs)

    return build


def name(operator: FlyteOperator, try_number: int = 1) -> str:
    return ids.execution_name(ids.Coordinates("dag", "run", operator.task_id), try_number)


def url(admin: FakeAdmin, execution: str) -> str:
    base = f"http://127.0.0.1:{admin.port}/console"
    return f"{base}/projects/flytesnacks/domains/development/executions/{execution}"


# -- green and red -------------------------------------------------------------------------------------------


def test_green_means_that_the_execution_has_succeeded(admin: FakeAdmin, make: Make) -> None:
    assert admin.script is not None
    admin.script.looks = 3
    operator = make(log_progress=False)
    context = make_context(operator)
    assert operator.execute(context) == name(operator)
    assert admin.calls == ["GetActiveLaunchPlan", "CreateExecution", *["GetExecution"] * 4]


def test_the_link_is_there_before_the_wait(admin: FakeAdmin, make: Make) -> None:
    operator = make()
    context = make_context(operator)
    admin.fail("GetExecution", grpc.StatusCode.UNAUTHENTICATED)
    with pytest.raises(FlyteAuthenticationError):
        operator.execute(context)
    xcoms = context["ti"].xcoms
    assert xcoms["flyte_console_url"] == url(admin, name(operator))
    assert xcoms["flyte_execution"]["name"] == name(operator)
    assert xcoms["flyte_execution"]["phase"] == "UNDEFINED"


def test_the_execution_is_summarised_at_the_end(admin: FakeAdmin, make: Make) -> None:
    operator = make(return_value="execution")
    context = make_context(operator)
    summary = operator.execute(context)
    assert summary == context["ti"].xcoms["flyte_execution"]
    assert datetime.fromisoformat(summary.pop("started_at").replace("Z", "+00:00"))
    assert summary == {
        "project": "flytesnacks",
        "conn_id": "flyte_test",
        "domain": "development",
        "name": name(operator),
        "url": url(admin, name(operator)),
        "phase": "SUCCEEDED",
        "duration": 3.0,
    }


def test_outputs_are_returned_and_pushed(admin: FakeAdmin, make: Make) -> None:
    assert admin.script is not None
    admin.script.outputs = {"accuracy": encode(0.75, FLOAT)}
    operator = make(return_value="outputs", push_outputs=True)
    context = make_context(operator)
    assert operator.execute(context) == {"accuracy": 0.75}
    assert context["ti"].xcoms["flyte_outputs"] == {"accuracy": 0.75}


def test_large_outputs_are_replaced_by_their_address(
    admin: FakeAdmin, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    assert admin.script is not None
    admin.script.outputs = {"accuracy": encode(0.75, FLOAT)}
    operator = make(return_value="outputs", xcom_max_bytes=10)
    with caplog.at_level(logging.WARNING):
        result = operator.execute(make_context(operator))
    assert result == f"s3://bucket/{name(operator)}/outputs.pb"


def test_many_outputs_that_are_large_are_an_address_each(admin: FakeAdmin, make: Make) -> None:
    """Airflow would fail the task, whose execution has succeeded, over anything but a dict."""
    assert admin.script is not None
    admin.script.outputs = {"a": encode("x" * 100, STR), "b": encode(1, INT)}
    operator = make(return_value="outputs", multiple_outputs=True, xcom_max_bytes=50)
    uri = f"s3://bucket/{name(operator)}/outputs.pb"
    assert operator.execute(make_context(operator)) == {"a": uri, "b": uri}


@pytest.mark.parametrize("signed", ["s3://bucket/too/large.pb", "http://127.0.0.1:9/x?signature=s3cret"])
def test_outputs_that_flyte_does_not_tell_are_an_address(
    admin: FakeAdmin, make: Make, signed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """flyteadmin tells 2 MB at most, and signs an address for more where it is set up for that."""
    monkeypatch.setattr("flyte_provider._client.results.MAX_MESSAGE_BYTES", 5)
    assert admin.script is not None
    admin.script.outputs = {"a": encode(1, INT)}
    admin.signed_outputs = signed
    operator = make(return_value="outputs", xcom_max_bytes=None)
    assert operator.execute(make_context(operator)) == f"s3://bucket/{name(operator)}/outputs.pb"


def test_outputs_beyond_one_message_are_an_address(admin: FakeAdmin, make: Make) -> None:
    assert admin.script is not None
    admin.script.outputs = {"a": encode("x" * 65 * 1024 * 1024, STR)}
    operator = make(push_outputs=True)
    context = make_context(operator)
    operator.execute(context)
    assert context["ti"].xcoms["flyte_outputs"] == f"s3://bucket/{name(operator)}/outputs.pb"
    assert admin.count("GetExecutionData") == 1


def test_a_failed_execution_fails_with_the_nodes_error(admin: FakeAdmin, make: Make) -> None:
    operator = make()
    context = make_context(operator)
    assert admin.script is not None
    admin.script.phase, admin.script.error = Phase.FAILED, user_error("outer")
    admin.add_failed_node(name(operator), "n2", "Trace\nMessage:\n  ValueError: bad column")
    with pytest.raises(FlyteExecutionUserError) as caught:
        operator.execute(context)
    assert str(caught.value) == (
        f"Execution {name(operator)} failed in node n2 (USER:RuntimeError): ValueError: bad column; "
        + url(admin, name(operator))
    )
    assert context["ti"].xcoms["flyte_execution"]["phase"] == "FAILED"


def test_the_task_log_has_the_failing_nodes_error(admin: FakeAdmin, make: Make) -> None:
    operator = make()
    lines: list[str] = []
    assert admin.script is not None
    admin.script.phase, admin.script.error = Phase.FAILED, user_error("outer")
    admin.add_failed_node(name(operator), "n2", "Trace\nValueError: bad column", attempts=2)

    from flyte_provider._client.admin import FlyteClient
    from flyte_provider._launch.resumed import raise_for_phase

    class Log:
        def error(self, event: str, /, *args: Any) -> None:
            lines.append(event % args)

        info = warning = error

    with pytest.raises(FlyteExecutionUserError):
        operator.execute(make_context(operator))
    client = FlyteClient(operator.hook.connection)
    execution = admin.executions[name(operator)]
    with pytest.raises(FlyteExecutionUserError):
        raise_for_phase(client, execution, "u", Log())
    assert lines == [
        "Node n2 failed at attempt 2:\n  Trace\n  ValueError: bad column\n"
        f"  log: http://logs/{name(operator)}/n2/1"
    ]


def test_an_aborted_execution_fails_with_who_and_why(admin: FakeAdmin, make: Make) -> None:
    operator = make()
    admin.script = None
    looking = threading.Thread(target=_abort_when_looked_at, args=(admin, name(operator)))
    looking.start()
    with pytest.raises(FlyteExecutionAbortedError, match="aborted by ada: too slow"):
        operator.execute(make_context(operator))
    looking.join()


def _abort_when_looked_at(admin: FakeAdmin, execution: str) -> None:
    admin.wait_for("GetExecution")
    closure = admin.executions[execution].closure
    closure.abort_metadata.cause, closure.abort_metadata.principal = "too slow", "ada"
    admin.end(execution, Phase.ABORTED)


def test_wrong_inputs_fail_before_anything_is_launched(admin: FakeAdmin, make: Make) -> None:
    operator = make(inputs={"x": "many"})
    with pytest.raises(FlyteInputError, match=r"^input 'x': expected int, got str 'many'$"):
        operator.execute(make_context(operator))
    assert not admin.executions


def test_an_outage_while_waiting_is_survived(admin: FakeAdmin, make: Make) -> None:
    operator = make()
    admin.fail("GetExecution", times=30)
    assert operator.execute(make_context(operator)) == name(operator)


def test_a_longer_outage_leaves_the_execution_to_the_next_try(admin: FakeAdmin, make: Make) -> None:
    operator = make(poll_error_timeout=0.1)
    admin.fail("GetExecution", times=1000)
    with pytest.raises(FlyteExecutionLostError, match="the next try attaches to it"):
        operator.execute(make_context(operator))
    assert admin.count("TerminateExecution") == 0
    admin.heal("GetExecution")
    again = make_context(operator, FakeTaskInstance(try_number=2, max_tries=1))
    operator = make(retries=1)
    assert operator.execute(again) == name(operator, 1)
    assert admin.count("CreateExecution") == 1


# -- firing and forgetting -----------------------------------------------------------------------------------


def test_without_waiting_nothing_is_looked_at(admin: FakeAdmin, make: Make) -> None:
    operator = make(wait_for_completion=False)
    context = make_context(operator)
    assert operator.execute(context) == name(operator)
    assert admin.count("GetExecution") == 0
    assert context["ti"].xcoms["flyte_console_url"]


def test_the_setting_brings_back_fire_and_forget(
    admin: FakeAdmin, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__FLYTE__WAIT_FOR_COMPLETION", "False")
    operator = make(return_value="execution")
    assert operator.execute(make_context(operator))["phase"] == "UNDEFINED"
    assert admin.count("GetExecution") == 0


@pytest.mark.parametrize("asked", [{"return_value": "outputs"}, {"push_outputs": True}])
def test_outputs_cannot_be_had_without_waiting(make: Make, admin: FakeAdmin, asked: dict[str, Any]) -> None:
    operator = make(wait_for_completion=False, **asked)
    with pytest.raises(FlyteConfigurationError, match="outputs need wait_for_completion"):
        operator.execute(make_context(operator))
    assert admin.calls == []


def test_deferring_without_waiting_is_pointed_out(make: Make) -> None:
    with pytest.warns(UserWarning, match="deferrable means nothing without waiting"):
        make(wait_for_completion=False, deferrable=True)


# -- deferring -----------------------------------------------------------------------------------------------


def deferred(operator: FlyteOperator, context: Any) -> TaskDeferred:
    with pytest.raises(TaskDeferred) as caught:
        operator.execute(context)
    return caught.value


def event(operator: FlyteOperator, status: str = "succeeded", **fields: Any) -> dict[str, Any]:
    place = {"project": "flytesnacks", "domain": "development", "name": name(operator), "url": "u"}
    return {"status": status, "phase": "SUCCEEDED", "error": None, "outputs_uri": ""} | place | fields


def test_a_short_execution_ends_in_the_slot(admin: FakeAdmin, make: Make) -> None:
    operator = make(deferrable=True)
    assert operator.execute(make_context(operator)) == name(operator)


def test_a_long_execution_defers(admin: FakeAdmin, make: Make) -> None:
    admin.script = None
    operator = make(deferrable=True, defer_after=0.1, poll_interval=1, max_poll_interval=9)
    context = make_context(operator)
    defer = deferred(operator, context)
    assert isinstance(defer.trigger, FlyteExecutionTrigger)
    assert defer.trigger.serialize()[1] == {
        "conn_id": "flyte_test",
        "project": "flytesnacks",
        "domain": "development",
        "name": name(operator),
        "poll_interval": 1.0,
        "max_poll_interval": 9.0,
        "deadline": None,
        "poll_error_timeout": 600.0,
        "cancel_on_kill": True,
        "url": url(admin, name(operator)),
        "log_progress": True,
    }
    assert (defer.method_name, defer.timeout) == ("execute_complete", None)
    assert context["ti"].xcoms["flyte_console_url"] == url(admin, name(operator))


@airflow_3
def test_a_task_marked_while_it_looked_does_not_defer(admin: FakeAdmin, make: Make) -> None:
    """Airflow would refuse the deferral, and nobody would be left to terminate the execution."""
    operator = make(deferrable=True, defer_after=0)
    context = make_context(operator, FakeTaskInstance(task_id="task", state="failed"))
    with pytest.raises(FlyteExecutionAbortedError, match=r"aborted: Airflow: task .*task killed"):
        operator.execute(context)
    assert admin.count("TerminateExecution") == 1


def test_deferring_at_once_looks_at_nothing(admin: FakeAdmin, make: Make) -> None:
    operator = make(deferrable=True, defer_after=0)
    deferred(operator, make_context(operator))
    assert admin.count("GetExecution") == 0


def test_the_deadline_travels_with_the_trigger(admin: FakeAdmin, make: Make) -> None:
    admin.script = None
    operator = make(deferrable=True, defer_after=0, execution_timeout=timedelta(hours=1))
    before = time.time()
    defer = deferred(operator, make_context(operator))
    deadline = defer.trigger.serialize()[1]["deadline"]
    assert before + 3600 <= deadline <= time.time() + 3600
    assert timedelta(hours=1) < defer.timeout <= timedelta(hours=1, minutes=1)


def test_airflows_default_decides_about_deferring(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE", "True")
    assert make().deferrable is True
    assert make(deferrable=False).deferrable is False


def test_a_resumed_task_asks_flyte_and_not_the_event(admin: FakeAdmin, make: Make) -> None:
    operator = make(return_value="outputs")
    admin.add_execution(name(operator))
    admin.end(name(operator), outputs={"x": encode(1, INT)})
    context = make_context(operator)
    assert operator.execute_complete(context, event(operator)) == {"x": 1}
    assert context["ti"].xcoms["flyte_execution"]["phase"] == "SUCCEEDED"


def test_an_event_that_is_not_true_is_an_error(admin: FakeAdmin, make: Make) -> None:
    admin.script = None
    operator = make()
    admin.add_execution(name(operator))
    with pytest.raises(FlyteProviderError, match="has not ended, its phase is RUNNING"):
        operator.execute_complete(make_context(operator), event(operator))
    admin.end(name(operator), Phase.FAILED, error=user_error("boom"))
    with pytest.raises(FlyteExecutionUserError, match="boom"):
        operator.execute_complete(make_context(operator), event(operator))


@pytest.mark.parametrize("bad", [None, [], "done", {}, {"status": "succeeded"}, {"status": "x", "name": "e"}])
def test_an_event_that_is_none_of_ours_is_an_error(make: Make, bad: Any) -> None:
    operator = make()
    with pytest.raises(FlyteProviderError, match="the trigger's event is"):
        operator.execute_complete(make_context(operator), bad)


def test_a_passed_deadline_terminates(admin: FakeAdmin, make: Make) -> None:
    operator = make(execution_timeout=timedelta(seconds=90))
    admin.add_execution(name(operator))
    with pytest.raises(FlyteExecutionDeadlineError, match=r"execution_timeout of 0:01:30 exceeded"):
        operator.execute_complete(make_context(operator), event(operator, "deadline"))
    cause = admin.executions[name(operator)].closure.abort_metadata.cause
    assert cause == "Airflow execution_timeout of 0:01:30 exceeded"


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("FlyteAuthenticationError", FlyteAuthenticationError),
        ("FlyteExecutionLostError", FlyteExecutionLostError),
        ("FlyteConfigurationError", FlyteConfigurationError),
        ("SomethingNewer", FlyteExecutionLostError),
    ],
)
def test_what_the_trigger_ran_into_is_raised(make: Make, kind: str, error: type[Exception]) -> None:
    operator = make()
    lost = event(operator, "lost", error={"kind": kind, "code": "", "message": "the words"})
    with pytest.raises(error, match="the words"):
        operator.execute_complete(make_context(operator), lost)


def test_airflows_own_deferral_timeout_terminates_too(admin: FakeAdmin, make: Make) -> None:
    operator = make(execution_timeout=timedelta(seconds=90))
    admin.add_execution(name(operator))
    context = make_context(operator)
    place = {"project": "flytesnacks", "domain": "development", "name": name(operator)}
    context["ti"].xcoms["flyte_execution"] = place
    with pytest.raises(Exception, match="Trigger timeout"):
        operator.resume_execution("__fail__", {"error": "Trigger timeout"}, context)
    assert admin.executions[name(operator)].closure.phase == Phase.ABORTING


def test_a_deferral_timeout_of_an_unknown_execution_is_still_a_timeout(admin: FakeAdmin, make: Make) -> None:
    operator = make()
    with pytest.raises(Exception, match="Trigger timeout"):
        operator.resume_execution("__fail__", {"error": "Trigger timeout"}, make_context(operator))


def test_another_trigger_failure_leaves_the_execution(admin: FakeAdmin, make: Make) -> None:
    operator = make()
    admin.add_execution(name(operator))
    context = make_context(operator)
    context["ti"].xcoms["flyte_execution"] = {"name": name(operator), "project": "p", "domain": "d"}
    with pytest.raises(Exception, match="Trigger failure"):
        operator.resume_execution("__fail__", {"error": "Trigger failure"}, context)
    assert admin.count("TerminateExecution") == 0


def test_resuming_calls_the_method(admin: FakeAdmin, make: Make) -> None:
    operator = make()
    admin.add_execution(name(operator))
    admin.end(name(operator))
    kwargs = {"event": event(operator)}
    assert operator.resume_execution("execute_complete", kwargs, make_context(operator)) == name(operator)


# -- retries and clears --------------------------------------------------------------------------------------


def test_a_retry_attaches_and_waits(admin: FakeAdmin, make: Make) -> None:
    assert admin.script is not None
    admin.script.looks = 3
    annotations = ids.make_annotations(ids.Coordinates("dag", "run", "task"), "")
    admin.add_execution(name(make()), annotations=annotations)
    operator = make(retries=2)
    context = make_context(operator, FakeTaskInstance(try_number=2, max_tries=2))
    assert operator.execute(context) == name(operator, 1)
    assert admin.count("CreateExecution") == 0


def test_a_clear_is_told_from_a_retry(admin: FakeAdmin, make: Make) -> None:
    admin.script = None
    operator = make(retries=1, wait_for_completion=False)
    operator.execute(make_context(operator))
    cleared = FakeTaskInstance(try_number=2, max_tries=2)
    assert operator.execute(make_context(operator, cleared, clear_number=1)) == name(operator, 2)
    assert admin.executions[name(operator, 1)].closure.phase == Phase.ABORTING


def test_the_name_is_remembered_where_airflow_can(admin: FakeAdmin, make: Make) -> None:
    store = FakeStateStore()
    operator = make(execution_name="mine", retries=1)
    operator.execute(make_context(operator) | {"task_state_store": store})
    stored = store.values["flyte_execution"]
    assert (stored["name"], stored["project"], stored["epoch"], stored["clear_number"]) == (
        "mine",
        "flytesnacks",
        0,
        0,
    )
    again = make(retries=1)
    context = make_context(again, FakeTaskInstance(try_number=2, max_tries=1)) | {"task_state_store": store}
    again.execute(context)
    asked = [request.id.name for request in admin.requests["GetExecution"]]
    assert "mine" in asked


def test_a_remembered_name_of_another_project_does_not_count(admin: FakeAdmin, make: Make) -> None:
    store = FakeStateStore()
    store.set("flyte_execution", {"name": "mine", "project": "other", "domain": "development"})
    operator = make(retries=1)
    context = make_context(operator, FakeTaskInstance(try_number=2, max_tries=1))
    operator.execute(context | {"task_state_store": store})
    assert "mine" not in [request.id.name for request in admin.requests["GetExecution"]]


def test_an_unreadable_store_is_no_obstacle(admin: FakeAdmin, make: Make) -> None:
    class Broken:
        def get(self, key: str) -> Any:
            raise RuntimeError("no")

        def set(self, key: str, value: Any) -> None:
            raise RuntimeError("no")

    operator = make()
    assert operator.execute(make_context(operator) | {"task_state_store": Broken()}) == name(operator)


# -- being killed --------------------------------------------------------------------------------------------


@contextmanager
def sigterm_like_airflow_3(operator: FlyteOperator) -> Iterator[None]:
    """Airflow's handler calls on_kill and returns."""
    before = signal.signal(signal.SIGTERM, lambda *_: operator.on_kill())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def kill_when_called(admin: FakeAdmin, method: str) -> threading.Thread:
    main = threading.main_thread().ident
    assert main is not None

    def kill() -> None:
        admin.wait_for(method)
        signal.pthread_kill(main, signal.SIGTERM)

    thread = threading.Thread(target=kill)
    thread.start()
    return thread


def killed(
    admin: FakeAdmin, operator: FlyteOperator, ti: FakeTaskInstance, method: str = "GetExecution"
) -> BaseException:
    thread = kill_when_called(admin, method)
    with sigterm_like_airflow_3(operator), pytest.raises(FlyteProviderError) as caught:
        operator.execute(make_context(operator, ti))
    thread.join()
    return caught.value


@airflow_3
def test_a_users_kill_terminates_with_a_cause(admin: FakeAdmin, make: Make) -> None:
    admin.script = None
    operator = make(poll_interval=60.0)
    began = time.monotonic()
    error = killed(admin, operator, FakeTaskInstance(state="failed"))
    assert time.monotonic() - began < 5
    assert isinstance(error, FlyteExecutionAbortedError)
    closure = admin.executions[name(operator)].closure
    cause = f"Airflow: task {operator.dag_id}.task killed"
    assert (closure.phase, closure.abort_metadata.cause) == (Phase.ABORTING, cause)


@airflow_3
def test_a_clear_of_a_running_task_terminates(admin: FakeAdmin, make: Make) -> None:
    admin.script = None
    operator = make(retries=1)
    killed(admin, operator, FakeTaskInstance(state="restarting", max_tries=1))
    assert admin.executions[name(operator)].closure.phase == Phase.ABORTING


@airflow_3
def test_a_workers_shutdown_leaves_the_execution_to_the_next_try(admin: FakeAdmin, make: Make) -> None:
    admin.script = None
    operator = make(retries=1)
    error = killed(admin, operator, FakeTaskInstance(max_tries=1))
    assert isinstance(error, FlyteExecutionDetachedError)
    assert admin.count("TerminateExecution") == 0


@airflow_3
def test_a_workers_shutdown_without_a_next_try_terminates(admin: FakeAdmin, make: Make) -> None:
    admin.script = None
    operator = make()
    killed(admin, operator, FakeTaskInstance(max_tries=0))
    assert admin.executions[name(operator)].closure.phase == Phase.ABORTING


@airflow_3
@pytest.mark.parametrize("keywords", [{"on_worker_shutdown": "terminate"}, {"durable": False}])
def test_a_workers_shutdown_may_terminate(admin: FakeAdmin, make: Make, keywords: dict[str, Any]) -> None:
    admin.script = None
    operator = make(retries=1, **keywords)
    killed(admin, operator, FakeTaskInstance(max_tries=1))
    assert admin.executions[name(operator)].closure.phase == Phase.ABORTING


@airflow_3
def test_an_airflow_that_does_not_answer_means_a_kill(
    admin: FakeAdmin, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin.script = None
    operator = make(retries=1)
    ti = FakeTaskInstance(max_tries=1)
    monkeypatch.setattr(ti, "get_task_states", lambda **_: 1 / 0)
    killed(admin, operator, ti)
    assert admin.executions[name(operator)].closure.phase == Phase.ABORTING


@airflow_3
def test_a_kill_may_leave_the_execution(admin: FakeAdmin, make: Make) -> None:
    admin.script = None
    operator = make(cancel_on_kill=False)
    error = killed(admin, operator, FakeTaskInstance(state="failed"))
    assert "left running" in str(error)
    assert admin.count("TerminateExecution") == 0


@airflow_3
def test_a_kill_while_the_server_does_not_answer_the_launch_terminates_what_it_made(
    admin: FakeAdmin, make: Make
) -> None:
    """The create was done, its answer was lost, and the kill comes while it is asked again."""
    admin.script = None
    admin.fail("CreateExecution", after=True)
    operator = make()
    killed(admin, operator, FakeTaskInstance(state="failed"), "CreateExecution")
    assert admin.executions[name(operator)].closure.phase == Phase.ABORTING


@airflow_3
def test_a_kill_before_anything_was_launched_terminates_nothing(admin: FakeAdmin, make: Make) -> None:
    admin.fail("GetActiveLaunchPlan", times=20)
    operator = make()
    killed(admin, operator, FakeTaskInstance(state="failed"), "GetActiveLaunchPlan")
    assert admin.count("CreateExecution") == admin.count("TerminateExecution") == 0


@pytest.mark.parametrize(
    "code", [grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNAVAILABLE]
)
def test_on_kill_never_raises(
    admin: FakeAdmin, make: Make, code: grpc.StatusCode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_airflow_private, "is_airflow_3", lambda: False)
    operator = make(wait_for_completion=False)
    operator.execute(make_context(operator))
    admin.fail("TerminateExecution", code)
    assert operator._watch is not None
    with operator._watch.guard():
        operator.on_kill()
    assert admin.count("TerminateExecution") == 1


def test_on_kill_before_and_after_the_task_does_nothing(admin: FakeAdmin, make: Make) -> None:
    """A worker that stops right after the task has deferred must not take the execution along."""
    admin.script = None
    operator = make(deferrable=True, defer_after=0)
    operator.on_kill()
    deferred(operator, make_context(operator))
    operator.on_kill()
    assert admin.count("TerminateExecution") == 0


def test_airflow_2_terminates_in_the_handler(
    admin: FakeAdmin, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There the handler raises after on_kill, so the loop never gets to decide."""
    monkeypatch.setattr(_airflow_private, "is_airflow_3", lambda: False)
    admin.script = None
    operator = make(poll_interval=60.0)

    class Terminated(BaseException):
        pass

    def handler(*_: Any) -> None:
        operator.on_kill()
        raise Terminated

    before = signal.signal(signal.SIGTERM, handler)
    thread = kill_when_called(admin, "GetExecution")
    try:
        with pytest.raises(Terminated):
            operator.execute(make_context(operator))
    finally:
        signal.signal(signal.SIGTERM, before)
    thread.join()
    assert admin.executions[name(operator)].closure.phase == Phase.ABORTING


def test_airflows_execution_timeout_terminates_with_its_cause(admin: FakeAdmin, make: Make) -> None:
    """Airflow raises from an alarm in the middle of the wait, then calls on_kill."""
    admin.script = None
    operator = make(execution_timeout=timedelta(seconds=1))

    def alarm(*_: Any) -> None:
        raise AirflowTaskTimeout("Timeout")

    before = signal.signal(signal.SIGALRM, alarm)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(AirflowTaskTimeout):
            operator.execute(make_context(operator))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    operator.on_kill()
    cause = admin.executions[name(operator)].closure.abort_metadata.cause
    assert cause == "Airflow execution_timeout of 0:00:01 exceeded"
    assert admin.count("TerminateExecution") == 1


# -- keywords ------------------------------------------------------------------------------------------------


def test_every_keyword_of_0_0_5_is_there_with_a_default() -> None:
    import inspect

    old = ["flyte_conn_id", "project", "domain", "launchplan_name", "task_name", "max_parallelism", "version"]
    old += ["raw_output_data_config", "kubernetes_service_account", "oauth2_client", "labels", "annotations"]
    old += ["secrets", "notifications", "disable_notifications", "inputs"]
    parameters = inspect.signature(FlyteOperator.__init__).parameters
    for keyword in old:
        assert parameters[keyword].default is None or keyword == "flyte_conn_id"
    assert parameters["flyte_conn_id"].default == "flyte_default"


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"launchplan_name": None}, "Either task_name or launchplan_name is required"),
        ({"task_name": "t"}, "exactly one; got launch plan 'lp' and task 't'"),
        ({"return_value": "x"}, "return_value is 'x', expected one of execution_name, outputs, execution"),
        ({"retry_strategy": "x"}, "retry_strategy is 'x', expected one of attach, recover"),
        ({"on_clear": "x"}, "on_clear is 'x', expected one of terminate, attach, ignore"),
        ({"on_worker_shutdown": "x"}, "on_worker_shutdown is 'x', expected one of detach, terminate"),
    ],
)
def test_a_contradiction_is_said_when_the_dag_is_parsed(
    make: Make, keywords: dict[str, Any], words: str
) -> None:
    with pytest.raises(FlyteConfigurationError, match=words):
        make(**keywords)


def test_the_readmes_old_keyword_still_works(make: Make) -> None:
    with pytest.warns(DeprecationWarning, match="raw_data_prefix is now raw_output_data_config"):
        operator = make(raw_data_prefix="s3://b")
    assert operator.raw_output_data_config == "s3://b"


def test_every_template_field_is_an_attribute(make: Make) -> None:
    operator = make()
    assert all(hasattr(operator, field) for field in operator.template_fields)
    assert "oauth2_client" not in operator.template_fields


def test_options_reach_the_execution(admin: FakeAdmin, make: Make) -> None:
    operator = make(
        labels={"l": "1"},
        annotations={"a": "1"},
        envs={"E": "1"},
        tags=["t"],
        max_parallelism=2,
        raw_output_data_config="s3://b",
        kubernetes_service_account="sa",
        iam_role="arn",
        oauth2_client={"client_id": "id", "client_secret": "key"},
        secrets=[{"group": "g", "key": "k"}],
        notifications=[{"phases": ["FAILED"], "email": {"recipients_email": ["a@b.c"]}}],
        overwrite_cache=True,
        interruptible=False,
        cluster_pool="p",
        execution_cluster_label="c",
    )
    operator.execute(make_context(operator))
    fields = {field.name for field, _ in admin.executions[name(operator)].spec.ListFields()}
    assert fields == {
        "launch_plan", "metadata", "labels", "annotations", "envs", "tags", "max_parallelism",
        "raw_output_data_config", "security_context", "notifications", "overwrite_cache", "interruptible",
        "cluster_assignment", "execution_cluster_label",
    }  # fmt: skip


@pytest.mark.parametrize("text", ['{"x": 7}', "x: 7"])
def test_inputs_may_be_json_or_yaml(admin: FakeAdmin, make: Make, text: str) -> None:
    operator = make(inputs=text)
    operator.execute(make_context(operator))
    assert decode_map(admin.requests["CreateExecution"][0].inputs) == {"x": 7}


@pytest.mark.parametrize("bad", ["[1]", "just text", [1], "{"])
def test_inputs_of_another_shape_are_refused(admin: FakeAdmin, make: Make, bad: Any) -> None:
    operator = make(inputs=bad)
    with pytest.raises(FlyteConfigurationError, match=r"^inputs: "):
        operator.execute(make_context(operator))
    assert not admin.executions


def test_inputs_may_be_a_file_beside_the_dag(admin: FakeAdmin, make: Make, tmp_path: Path) -> None:
    from flyte_provider._airflow import BaseOperator

    (tmp_path / "inputs.json").write_text('{"x": {{ params.x }}}')
    operator = make(inputs="inputs.json")
    assert isinstance(operator, BaseOperator)
    with make_dag(template_searchpath=[str(tmp_path)]) as dag:
        operator.dag = dag
    operator.execute(make_context(operator) | {"params": {"x": 9}})
    assert decode_map(admin.requests["CreateExecution"][0].inputs) == {"x": 9}


def make_dag(**kwargs: Any) -> Any:
    try:
        from airflow.sdk import DAG
    except ImportError:
        from airflow import DAG
    return DAG("dag", schedule=None, start_date=datetime(2024, 1, 1, tzinfo=timezone.utc), **kwargs)


def test_inputs_are_templated_and_addresses_of_json_files_stay_addresses(make: Make) -> None:
    with make_dag() as dag:
        operator = make(inputs={"x": "{{ params.x }}", "config": "s3://bucket/config.json"})
        operator.dag = dag
    operator.render_template_fields({"params": {"x": 3}})  # type: ignore[arg-type]
    assert operator.inputs == {"x": "3", "config": "s3://bucket/config.json"}


def test_rendered_numbers_are_read_as_the_interface_says(admin: FakeAdmin, make: Make) -> None:
    operator = make(inputs={"x": "3"})
    operator.execute(make_context(operator))
    assert decode_map(admin.requests["CreateExecution"][0].inputs) == {"x": 3}


def test_an_operator_can_be_copied_before_it_runs(make: Make) -> None:
    copy.deepcopy(make())


def test_a_mapped_operator_runs_with_its_own_inputs(admin: FakeAdmin, conn_id: str) -> None:
    admin.add_launch_plan("lp", {"x": INT})
    with make_dag():
        mapped = FlyteOperator.partial(task_id="m", flyte_conn_id=conn_id, launchplan_name="lp").expand(
            inputs=[{"x": 1}, {"x": 2}]
        )
    assert mapped.operator_class is FlyteOperator
    for index in range(2):
        operator = mapped.unmap({"inputs": {"x": index}})
        ti = FakeTaskInstance(task_id="m", map_index=index)
        operator.execute(make_context(operator, ti))
    assert len(admin.executions) == 2


def test_outside_airflow_a_name_must_be_given(admin: FakeAdmin, make: Make) -> None:
    with pytest.raises(FlyteConfigurationError, match="there is no Airflow task instance"):
        make().execute({})
    operator = make(execution_name="mine")
    assert operator.execute({}) == "mine"


# -- links ---------------------------------------------------------------------------------------------------


def test_the_link_names_the_xcom_that_is_pushed_at_once() -> None:
    assert FlyteConsoleLink().xcom_key == "flyte_console_url"
    assert [type(link) for link in FlyteOperator.operator_extra_links] == [FlyteConsoleLink]


def test_the_link_is_the_xcom(monkeypatch: pytest.MonkeyPatch, make: Make) -> None:
    from flyte_provider.operators import flyte

    class Store:
        @staticmethod
        def get_value(*, key: str, ti_key: Any) -> Any:
            return {"flyte_console_url": ti_key}[key]

    monkeypatch.setattr(flyte, "XCom", Store)
    assert FlyteConsoleLink().get_link(make(), ti_key="http://c") == "http://c"
    assert FlyteConsoleLink().get_link(make(), ti_key=None) == ""


def test_the_old_link_stays_importable(make: Make) -> None:
    assert RegistryLink().get_link(make(), ti_key=None).startswith("https://registry.astronomer.io/")
