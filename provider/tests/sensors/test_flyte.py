"""FlyteSensor in poke, reschedule and deferrable mode: the same meaning in each."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import grpc
import pytest
from flyteidl.core import types_pb2

from flyte_provider import _airflow_private
from flyte_provider._airflow import AirflowSensorTimeout, AirflowSkipException, AirflowTaskTimeout
from flyte_provider._client.codec import encode
from flyte_provider._launch.identity import Coordinates, make_annotations
from flyte_provider.exceptions import (
    FlyteAuthenticationError,
    FlyteConfigurationError,
    FlyteEntityNotFoundError,
    FlyteExecutionAbortedError,
    FlyteExecutionDeadlineError,
    FlyteExecutionLostError,
    FlyteExecutionUserError,
    FlyteProviderError,
)
from flyte_provider.sensors.flyte import FlyteSensor
from flyte_provider.triggers.flyte import FlyteExecutionTrigger

from ..fakes.admin import DOMAIN, PROJECT, FakeAdmin, Phase, user_error
from ..fakes.airflow import FakeTaskInstance, make_context

try:
    from airflow.sdk.exceptions import AirflowRescheduleException, TaskDeferred
except ImportError:
    from airflow.exceptions import AirflowRescheduleException, TaskDeferred

airflow_3 = pytest.mark.skipif(not _airflow_private.is_airflow_3(), reason="the Task SDK's signal handling")
INT = types_pb2.LiteralType(simple=types_pb2.INTEGER)
OURS = make_annotations(Coordinates("dag", "run", "launcher"), "d")
MODES = [{"mode": "poke"}, {"deferrable": True}, {"mode": "reschedule"}]

# Airflow 2 asks its database for earlier reschedules.
pytestmark = pytest.mark.usefixtures("airflow_database")

Make = Callable[..., FlyteSensor]


@pytest.fixture
def make(admin: FakeAdmin, conn_id: str) -> Make:
    def build(**kwargs: Any) -> FlyteSensor:
        defaults = {
            "task_id": "wait",
            "flyte_conn_id": conn_id,
            "execution_name": "e1",
            "poke_interval": 0.02,
        }
        return FlyteSensor(**defaults | kwargs)

    return build


def run(sensor: FlyteSensor, **ti: Any) -> tuple[Any, dict[str, Any]]:
    """Execute and return the result and the XComs."""
    context = make_context(sensor, FakeTaskInstance(task_id="wait", **ti))
    return sensor.execute(context), context["ti"].xcoms


# -- the end of an execution, in every mode ------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_a_success_is_a_success(admin: FakeAdmin, make: Make, mode: dict[str, Any]) -> None:
    admin.add_execution("e1")
    _, xcoms = run(make(**mode))
    assert xcoms["flyte_execution"]["phase"] == "SUCCEEDED"
    assert xcoms["flyte_console_url"].endswith("/executions/e1")


@pytest.mark.parametrize("mode", MODES)
def test_a_failure_has_the_nodes_error(admin: FakeAdmin, make: Make, mode: dict[str, Any]) -> None:
    admin.add_execution("e1")
    admin.end("e1", Phase.FAILED, error=user_error("outer"))
    admin.add_failed_node("e1", "n2", "ValueError: bad column")
    with pytest.raises(
        FlyteExecutionUserError, match=r"Execution e1 failed in node n2 .*ValueError: bad column"
    ):
        run(make(**mode))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("soft", ["soft_fail", "never_fail"])
def test_a_failure_may_skip(admin: FakeAdmin, make: Make, mode: dict[str, Any], soft: str) -> None:
    admin.add_execution("e1", Phase.FAILED)
    with pytest.raises(AirflowSkipException, match="Execution e1 failed"):
        run(make(**mode, **{soft: True}))


@pytest.mark.parametrize("mode", MODES)
def test_an_abort_fails_or_skips(admin: FakeAdmin, make: Make, mode: dict[str, Any]) -> None:
    admin.add_execution("e1", Phase.ABORTED)
    with pytest.raises(FlyteExecutionAbortedError):
        run(make(**mode))
    with pytest.raises(AirflowSkipException, match="Execution e1 aborted"):
        run(make(**mode, fail_on_abort=False))


@pytest.mark.parametrize("mode", MODES)
def test_outputs_are_pushed(admin: FakeAdmin, make: Make, mode: dict[str, Any]) -> None:
    admin.add_execution("e1")
    admin.end("e1", outputs={"x": encode(5, INT)})
    assert run(make(**mode, push_outputs=True))[1]["flyte_outputs"] == {"x": 5}
    assert run(make(**mode, push_outputs=True, xcom_max_bytes=2))[1]["flyte_outputs"] == (
        "s3://bucket/e1/outputs.pb"
    )


@pytest.mark.parametrize("mode", MODES)
def test_an_execution_that_is_not_there_is_an_error_at_once(
    admin: FakeAdmin, make: Make, mode: dict[str, Any]
) -> None:
    with pytest.raises(FlyteEntityNotFoundError, match="could not get execution 'e1'"):
        run(make(**mode))


@pytest.mark.parametrize("mode", MODES)
def test_a_refusal_is_an_error_at_once(admin: FakeAdmin, make: Make, mode: dict[str, Any]) -> None:
    admin.fail("GetExecution", grpc.StatusCode.UNAUTHENTICATED)
    with pytest.raises(FlyteAuthenticationError):
        run(make(**mode))


# -- waiting -------------------------------------------------------------------------------------------------


def test_poking_looks_until_the_end(admin: FakeAdmin, make: Make) -> None:
    assert admin.script is not None
    admin.script.looks = 4
    admin.add_execution("e1")
    run(make())
    assert admin.count("GetExecution") == 5


def test_the_first_pokes_come_soon(admin: FakeAdmin, make: Make) -> None:
    assert admin.script is not None
    admin.script.looks = 2
    admin.add_execution("e1")
    began = time.monotonic()
    run(make(poke_interval=60))
    assert time.monotonic() - began < 10


def test_an_outage_while_poking_is_survived(admin: FakeAdmin, make: Make) -> None:
    admin.add_execution("e1")
    admin.fail("GetExecution", times=10)
    run(make())


def test_a_longer_outage_is_an_error(admin: FakeAdmin, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__FLYTE__POLL_ERROR_TIMEOUT", "0.1")
    admin.fail("GetExecution", times=1000)
    with pytest.raises(FlyteExecutionLostError):
        run(make())


def test_rescheduling_gives_the_slot_back(admin: FakeAdmin, make: Make) -> None:
    admin.script = None
    admin.add_execution("e1")
    sensor = make(mode="reschedule", poke_interval=60)
    context = make_context(sensor, FakeTaskInstance(task_id="wait"))
    with pytest.raises(AirflowRescheduleException):
        sensor.execute(context)
    admin.fail("GetExecution")
    with pytest.raises(AirflowRescheduleException):
        sensor.execute(context)


def test_a_long_wait_defers(admin: FakeAdmin, make: Make) -> None:
    admin.script = None
    admin.add_execution("e1", annotations=OURS)
    sensor = make(deferrable=True, defer_after=0, poke_interval=7, timeout=100)
    with pytest.raises(TaskDeferred) as caught:
        run(sensor)
    assert isinstance(caught.value.trigger, FlyteExecutionTrigger)
    kwargs = caught.value.trigger.serialize()[1]
    assert (kwargs["conn_id"], kwargs["project"], kwargs["domain"], kwargs["name"]) == (
        "flyte_test",
        PROJECT,
        DOMAIN,
        "e1",
    )
    assert (kwargs["poll_interval"], kwargs["max_poll_interval"]) == (7, 7)
    assert (kwargs["cancel_on_kill"], kwargs["deadline"]) == (True, None)
    assert caught.value.timeout == timedelta(seconds=100)


def test_a_deferrable_sensor_looks_in_its_slot_first(admin: FakeAdmin, make: Make) -> None:
    assert admin.script is not None
    admin.script.looks = 3
    admin.add_execution("e1")
    run(make(deferrable=True))


def event(status: str = "succeeded", **fields: Any) -> dict[str, Any]:
    return {"status": status, "project": PROJECT, "domain": DOMAIN, "name": "e1"} | fields


def test_a_resumed_sensor_asks_flyte(admin: FakeAdmin, make: Make) -> None:
    admin.add_execution("e1", Phase.FAILED)
    sensor = make()
    context = make_context(sensor, FakeTaskInstance(task_id="wait"))
    with pytest.raises(FlyteProviderError, match="Execution e1 failed"):
        sensor.execute_complete(context, event())
    lost = event("lost", error={"kind": "FlyteExecutionLostError", "message": "the words"})
    with pytest.raises(FlyteExecutionLostError, match="the words"):
        sensor.execute_complete(context, lost)


@pytest.mark.parametrize(("annotations", "phase"), [(OURS, Phase.ABORTING), ({}, Phase.RUNNING)])
def test_a_passed_deadline_terminates_what_the_run_launched(
    admin: FakeAdmin, make: Make, annotations: dict[str, str], phase: int
) -> None:
    admin.script = None
    admin.add_execution("e1", annotations=annotations)
    sensor = make(execution_timeout=timedelta(seconds=9))
    context = make_context(sensor, FakeTaskInstance(task_id="wait"))
    with pytest.raises(FlyteExecutionDeadlineError):
        sensor.execute_complete(context, event("deadline"))
    assert admin.executions["e1"].closure.phase == phase


# -- timeouts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("terminates", [True, False])
@pytest.mark.parametrize("soft_fail", [True, False])
def test_the_timeout_of_a_poking_sensor(
    admin: FakeAdmin, make: Make, terminates: bool, soft_fail: bool
) -> None:
    admin.script = None
    admin.add_execution("e1")
    sensor = make(timeout=0.1, terminate_on_timeout=terminates, soft_fail=soft_fail)
    with pytest.raises(AirflowSkipException if soft_fail else AirflowSensorTimeout):
        run(sensor)
    assert admin.count("TerminateExecution") == int(terminates)


@pytest.mark.parametrize("terminates", [True, False])
@pytest.mark.parametrize("soft_fail", [True, False])
def test_the_timeout_of_a_deferred_sensor(
    admin: FakeAdmin, make: Make, terminates: bool, soft_fail: bool
) -> None:
    admin.add_execution("e1")
    sensor = make(timeout=50, terminate_on_timeout=terminates, soft_fail=soft_fail)
    context = make_context(sensor, FakeTaskInstance(task_id="wait"))
    with pytest.raises(AirflowSkipException if soft_fail else AirflowSensorTimeout):
        sensor.resume_execution("__fail__", {"error": "Trigger timeout"}, context)
    assert admin.count("TerminateExecution") == int(terminates)
    if terminates:
        cause = admin.executions["e1"].closure.abort_metadata.cause
        assert cause == f"Airflow: sensor {sensor.dag_id}.wait timed out after 50 s"


@pytest.mark.parametrize(("annotations", "times"), [(OURS, 1), ({}, 0)])
@pytest.mark.parametrize("mode", ["poke", "reschedule"])
def test_a_timeout_ends_what_the_same_run_launched(
    admin: FakeAdmin, make: Make, mode: str, annotations: dict[str, str], times: int
) -> None:
    admin.script = None
    admin.add_execution("e1", annotations=annotations)
    sensor = make(timeout=0 if mode == "reschedule" else 0.1, mode=mode)
    with pytest.raises(AirflowSensorTimeout):
        run(sensor)
    assert admin.count("TerminateExecution") == times


@pytest.mark.parametrize(("annotations", "times"), [(OURS, 1), ({}, 0)])
def test_the_timeout_of_a_deferred_sensor_ends_what_the_same_run_launched(
    admin: FakeAdmin, make: Make, annotations: dict[str, str], times: int
) -> None:
    admin.script = None
    admin.add_execution("e1", annotations=annotations)
    sensor = make(timeout=50)
    context = make_context(sensor, FakeTaskInstance(task_id="wait"))
    with pytest.raises(AirflowSensorTimeout):
        sensor.resume_execution("__fail__", {"error": "Trigger timeout"}, context)
    assert admin.count("TerminateExecution") == times


def test_a_timeout_while_flyte_is_away_is_still_a_timeout(admin: FakeAdmin, make: Make) -> None:
    sensor = make(timeout=50)  # nobody has made e1: the look finds nothing
    context = make_context(sensor, FakeTaskInstance(task_id="wait"))
    with pytest.raises(AirflowSensorTimeout):
        sensor.resume_execution("__fail__", {"error": "Trigger timeout"}, context)
    assert admin.count("TerminateExecution") == 0


def test_a_skip_for_another_reason_terminates_nothing(admin: FakeAdmin, make: Make) -> None:
    admin.script = None
    admin.add_execution("e1")
    sensor = make(soft_fail=True, terminate_on_timeout=True)
    context = make_context(sensor, FakeTaskInstance(task_id="wait"))
    with pytest.raises(AirflowSkipException):
        sensor.resume_execution("execute_complete", {"event": event("lost")}, context)
    assert admin.count("TerminateExecution") == 0


# -- being killed --------------------------------------------------------------------------------------------


def kill_when_looked_at(admin: FakeAdmin) -> threading.Thread:
    main = threading.main_thread().ident
    assert main is not None

    def kill() -> None:
        admin.wait_for("GetExecution", 2)
        signal.pthread_kill(main, signal.SIGTERM)

    thread = threading.Thread(target=kill)
    thread.start()
    return thread


def kill(admin: FakeAdmin, sensor: FlyteSensor, **ti: Any) -> None:
    before = signal.signal(signal.SIGTERM, lambda *_: sensor.on_kill())
    thread = kill_when_looked_at(admin)
    began = time.monotonic()
    try:
        with pytest.raises(FlyteProviderError):
            run(sensor, **ti)
    finally:
        signal.signal(signal.SIGTERM, before)
    thread.join()
    assert time.monotonic() - began < 10


KILLS = [
    (OURS, None, True),
    ({}, None, False),
    (make_annotations(Coordinates("dag", "another_run", "launcher"), "d"), None, False),
    ({}, True, True),
    (OURS, False, False),
]


@airflow_3
@pytest.mark.parametrize(("annotations", "cancel_on_kill", "cancels"), KILLS)
@pytest.mark.parametrize("mode", [{}, {"deferrable": True, "defer_after": 60}])
def test_a_kill_cancels_what_the_run_launched_or_what_was_asked(
    admin: FakeAdmin, make: Make, mode: Any, annotations: dict[str, str], cancel_on_kill: Any, cancels: bool
) -> None:
    admin.script = None
    admin.add_execution("e1", annotations=annotations)
    kill(admin, make(poke_interval=60, cancel_on_kill=cancel_on_kill, **mode), state="failed")
    assert admin.count("TerminateExecution") == int(cancels)


@airflow_3
def test_a_workers_shutdown_leaves_the_execution(admin: FakeAdmin, make: Make) -> None:
    admin.script = None
    admin.add_execution("e1", annotations=OURS)
    kill(admin, make(poke_interval=60, retries=1), max_tries=1)
    assert admin.count("TerminateExecution") == 0


@pytest.mark.parametrize(("annotations", "cancel_on_kill", "cancels"), KILLS)
def test_the_trigger_cancels_alike(
    admin: FakeAdmin, make: Make, annotations: dict[str, str], cancel_on_kill: Any, cancels: bool
) -> None:
    admin.script = None
    admin.add_execution("e1", annotations=annotations)
    with pytest.raises(TaskDeferred) as caught:
        run(make(deferrable=True, defer_after=0, cancel_on_kill=cancel_on_kill))
    assert caught.value.trigger.serialize()[1]["cancel_on_kill"] is cancels


def test_cancelling_cannot_be_promised_between_reschedules(make: Make) -> None:
    with pytest.raises(
        FlyteConfigurationError, match="cancel_on_kill=True cannot be kept with mode='reschedule'"
    ):
        make(mode="reschedule", cancel_on_kill=True)
    make(mode="reschedule", cancel_on_kill=True, deferrable=True)


def test_airflows_execution_timeout_terminates_with_its_cause(admin: FakeAdmin, make: Make) -> None:
    admin.script = None
    admin.add_execution("e1", annotations=OURS)
    sensor = make(execution_timeout=timedelta(seconds=1))

    def alarm(*_: Any) -> None:
        raise AirflowTaskTimeout("Timeout")

    before = signal.signal(signal.SIGALRM, alarm)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(AirflowTaskTimeout):
            run(sensor)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    sensor.on_kill()
    cause = admin.executions["e1"].closure.abort_metadata.cause
    assert cause == "Airflow execution_timeout of 0:00:01 exceeded"


def test_on_kill_before_anything_does_nothing(make: Make) -> None:
    make().on_kill()


# -- keywords ------------------------------------------------------------------------------------------------


def test_an_execution_may_be_given_as_the_operators_xcom(admin: FakeAdmin, make: Make) -> None:
    admin.add_execution("e1")
    sensor = make(execution_name={"name": "e1", "project": "p", "domain": "d", "url": "u"})
    run(sensor)
    asked = admin.requests["GetExecution"][0].id
    assert (asked.project, asked.domain, asked.name) == ("p", "d", "e1")


@pytest.mark.parametrize("bad", ["", None, {}, {"name": ""}, 5])
def test_an_execution_without_a_name_is_refused(make: Make, bad: Any) -> None:
    with pytest.raises(FlyteConfigurationError, match="execution_name: expected a name or a flyte_execution"):
        run(make(execution_name=bad))


def test_poke_alone_is_the_old_method(admin: FakeAdmin, make: Make) -> None:
    admin.script = None
    admin.add_execution("e1")
    sensor = make()
    context = make_context(sensor, FakeTaskInstance(task_id="wait"))
    assert sensor.poke(context) is False
    admin.end("e1")
    assert sensor.poke(context) is True


def test_every_keyword_of_0_0_5_is_there() -> None:
    import inspect

    parameters = inspect.signature(FlyteSensor.__init__).parameters
    assert parameters["flyte_conn_id"].default == "flyte_default"
    assert {"execution_name", "project", "domain"} <= parameters.keys()
