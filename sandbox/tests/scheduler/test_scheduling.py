"""Active launch plans are launched at their times: through a whole sandbox whose time is skipped."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from flyteidl.admin import common_pb2, execution_pb2, launch_plan_pb2, project_pb2, schedule_pb2
from flyteidl.core import identifier_pb2
from flyteidl.core.execution_pb2 import WorkflowExecution
from sqlalchemy.exc import OperationalError

from flyte_sandbox.clock import SkippingClock
from flyte_sandbox.db import schedules
from flyte_sandbox.errors import Internal
from flyte_sandbox.ids import fnv1, scheduled_execution_name
from flyte_sandbox.testing import TestSandbox, running_sandbox

from ..waiting import eventually
from .plans import activate, cron, deactivate, launched, rate, register, times

HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[TestSandbox]:
    with running_sandbox(state=tmp_path / "state", warm=False, clock=at_noon()) as sandbox:
        yield sandbox


def at_noon() -> SkippingClock:
    """A clock that starts at noon of some day to come, so that no test begins just before midnight."""
    now = datetime.now(timezone.utc)
    noon = (now + DAY).replace(hour=12, minute=0, second=0, microsecond=0)
    return SkippingClock(noon - now)


def noon(sandbox: TestSandbox) -> datetime:
    return sandbox.clock.now().replace(hour=12, minute=0, second=0, microsecond=0, tzinfo=None)


def settle(sandbox: TestSandbox) -> None:
    """Returns when everything that is due has been launched: a minutely plan's launch for now is the last."""
    plan = register(sandbox, "sentinel", rate(1, schedule_pb2.MINUTE), version=str(sandbox.clock.now()))
    activate(sandbox, plan)
    count = len(launched(sandbox, "sentinel"))
    sandbox.skip(MINUTE)
    eventually(lambda: len(launched(sandbox, "sentinel")) > count)
    deactivate(sandbox, plan)


def test_a_cron_schedule_launches_at_its_time_and_says_so(sandbox: TestSandbox) -> None:
    plan = register(sandbox, "daily", cron("30 6 * * *", kickoff="when"))
    activate(sandbox, plan)
    sandbox.skip(DAY)
    (execution,) = eventually(lambda: launched(sandbox, "daily"))
    due = noon(sandbox).replace(hour=6, minute=30)
    metadata = execution.spec.metadata
    assert metadata.mode == execution_pb2.ExecutionMetadata.SCHEDULED
    assert metadata.scheduled_at.ToDatetime() == due
    assert metadata.principal == ""
    assert execution.spec.launch_plan == plan
    request = execution_pb2.WorkflowExecutionGetDataRequest(id=execution.id)
    data = sandbox.admin.executions.get_data(request)
    given = data.full_inputs.literals["when"].scalar.primitive.datetime
    assert given.ToDatetime() == due
    get = execution_pb2.WorkflowExecutionGetRequest(id=execution.id)
    eventually(lambda: sandbox.admin.executions.get(get).closure.phase == WorkflowExecution.SUCCEEDED)


def test_the_name_follows_from_plan_and_time(sandbox: TestSandbox) -> None:
    activate(sandbox, register(sandbox, "daily", cron("@daily")))
    sandbox.skip(DAY)
    (execution,) = eventually(lambda: launched(sandbox, "daily"))
    midnight = noon(sandbox).replace(hour=0, tzinfo=timezone.utc)
    seconds = int(midnight.timestamp())
    expected = scheduled_execution_name("flytesnacks", "development", "daily", "v1", seconds)
    assert execution.id.name == expected


def test_names_are_those_of_the_real_scheduler() -> None:
    # Published vectors of FNV-1; the name is "f" and its bytes, lowest first, padded like a UUID.
    assert fnv1("") == 0xCBF29CE484222325
    assert fnv1("a") == 0xAF63BD4C8601B7BE
    assert fnv1("foobar") == 0x340D8765A4DDA9C2
    name = scheduled_execution_name("p", "d", "n", "v", 1)
    assert name == "f" + fnv1("p:d:n:v:1").to_bytes(8, "little").hex() + "000"


def test_a_rate_counts_from_the_activation_and_then_from_itself(sandbox: TestSandbox) -> None:
    plan = register(sandbox, "often", rate(2))
    before = sandbox.clock.now()
    activate(sandbox, plan)
    sandbox.skip(2 * HOUR + MINUTE)
    (first,) = eventually(lambda: times(sandbox, "often"))
    assert before.replace(tzinfo=None, microsecond=0) + 2 * HOUR <= first
    sandbox.skip(2 * HOUR)
    assert eventually(lambda: times(sandbox, "often")[1:]) == [first + 2 * HOUR]


def test_times_that_were_missed_are_launched_oldest_first(sandbox: TestSandbox) -> None:
    activate(sandbox, register(sandbox, "hourly", cron("0 * * * *")))
    activate(sandbox, register(sandbox, "half", cron("30 */2 * * *")))
    sandbox.skip(6 * HOUR + MINUTE)
    eventually(lambda: len(launched(sandbox)) == 9)
    start = noon(sandbox)
    assert times(sandbox, "hourly") == [start + n * HOUR for n in range(1, 7)]
    assert times(sandbox, "half") == [start + n * HOUR + 30 * MINUTE for n in (0, 2, 4)]
    assert times(sandbox, "") == sorted(times(sandbox, ""))


def test_an_inactive_plan_launches_nothing_from_then_on(sandbox: TestSandbox) -> None:
    plan = register(sandbox, "hourly", cron("0 * * * *"))
    settle(sandbox)
    assert times(sandbox, "hourly") == []
    activate(sandbox, plan)
    sandbox.skip(HOUR)
    eventually(lambda: launched(sandbox, "hourly"))
    deactivate(sandbox, plan)
    count = len(launched(sandbox, "hourly"))
    sandbox.skip(5 * HOUR)
    settle(sandbox)
    assert len(launched(sandbox, "hourly")) == count
    activate(sandbox, plan)
    sandbox.skip(HOUR)
    eventually(lambda: len(launched(sandbox, "hourly")) == count + 1)


def test_a_new_version_takes_over(sandbox: TestSandbox) -> None:
    activate(sandbox, register(sandbox, "hourly", cron("0 * * * *"), "v1"))
    sandbox.skip(2 * HOUR)
    eventually(lambda: len(launched(sandbox, "hourly")) == 2)
    activate(sandbox, register(sandbox, "hourly", cron("30 * * * *"), "v2"))
    sandbox.skip(2 * HOUR)
    eventually(lambda: len(launched(sandbox, "hourly")) == 4)
    start = noon(sandbox)
    found = [
        (one.spec.launch_plan.version, one.spec.metadata.scheduled_at.ToDatetime())
        for one in launched(sandbox, "hourly")
    ]
    assert found == [
        *(("v1", start + n * HOUR) for n in (1, 2)),
        *(("v2", start + n * HOUR + 30 * MINUTE) for n in (2, 3)),
    ]


def test_activating_again_changes_nothing(sandbox: TestSandbox) -> None:
    plan = register(sandbox, "often", rate(2))
    activate(sandbox, plan)
    sandbox.skip(HOUR)
    activate(sandbox, plan)
    sandbox.skip(HOUR + MINUTE)
    eventually(lambda: launched(sandbox, "often"))


def test_a_restart_launches_what_fell_due_meanwhile(tmp_path: Path) -> None:
    clock = at_noon()
    with running_sandbox(state=tmp_path, warm=False, clock=clock) as sandbox:
        activate(sandbox, register(sandbox, "hourly", cron("0 * * * *")))
        gone = register(sandbox, "gone", cron("0 * * * *"))
        activate(sandbox, gone)
        sandbox.skip(HOUR)
        eventually(lambda: len(launched(sandbox)) == 2)
        deactivate(sandbox, gone)
    clock.skip(3 * HOUR)
    with running_sandbox(state=tmp_path, warm=False, clock=clock) as sandbox:
        eventually(lambda: len(launched(sandbox, "hourly")) == 4)
        settle(sandbox)
        assert times(sandbox, "hourly") == [noon(sandbox) + n * HOUR for n in range(1, 5)]
        assert len(launched(sandbox, "gone")) == 1


def test_what_was_launched_but_not_noted_before_a_crash_is_not_launched_again(tmp_path: Path) -> None:
    clock = at_noon()
    with running_sandbox(state=tmp_path, warm=False, clock=clock) as sandbox:
        activate(sandbox, register(sandbox, "hourly", cron("0 * * * *")))
        with sandbox.db.read() as connection:
            (row,) = schedules.list_active(connection)
        sandbox.skip(3 * HOUR)
        eventually(lambda: len(launched(sandbox, "hourly")) == 3)
    with running_sandbox(state=tmp_path, warm=False, clock=clock) as sandbox:
        with sandbox.db.write() as connection:
            schedules.end(connection, row.id)
            schedules.begin(connection, row.id, row.done_until)
        sandbox.scheduler.changed()
        sandbox.skip(HOUR)
        eventually(lambda: len(launched(sandbox, "hourly")) == 4)
        settle(sandbox)
        assert len(times(sandbox, "hourly")) == 4


def test_a_launch_that_is_refused_stops_nothing_else(
    sandbox: TestSandbox, caplog: pytest.LogCaptureFixture
) -> None:
    # The real one tells only cron schedules their time, so a required kickoff input stays unbound here.
    activate(sandbox, register(sandbox, "unbound", rate(1, kickoff="when")))
    activate(sandbox, register(sandbox, "hourly", cron("@hourly")))
    with caplog.at_level(logging.ERROR):
        sandbox.skip(3 * HOUR + MINUTE)
        eventually(lambda: len(launched(sandbox, "hourly")) == 3)
        settle(sandbox)
    assert launched(sandbox, "unbound") == []
    refused = [one.getMessage() for one in caplog.records if "unbound" in one.getMessage()]
    assert len(refused) == 3
    assert all("when" in message and "nothing launched" in message for message in refused)


def test_an_archived_project_is_left_alone(sandbox: TestSandbox) -> None:
    project = project_pb2.Project(id="gone", name="gone")
    sandbox.admin.projects.register(project_pb2.ProjectRegisterRequest(project=project))
    activate(sandbox, register(sandbox, "hourly", cron("@hourly"), project="gone"))
    project.state = project_pb2.Project.ARCHIVED
    sandbox.admin.projects.update(project)
    sandbox.skip(2 * HOUR)
    settle(sandbox)
    assert launched(sandbox, project="gone") == []


def test_a_plan_at_its_concurrency_limit_skips_the_time(sandbox: TestSandbox, monkeypatch: Any) -> None:
    policy = launch_plan_pb2.ConcurrencyPolicy(
        max=1, behavior=launch_plan_pb2.CONCURRENCY_LIMIT_BEHAVIOR_SKIP
    )
    activate(sandbox, register(sandbox, "hourly", cron("@hourly"), concurrency=policy))
    # No engine: what is launched runs for ever.
    monkeypatch.setattr(sandbox.admin.launching, "_on_created", lambda id: None)
    sandbox.skip(3 * HOUR)
    settle(sandbox)
    assert len(launched(sandbox, "hourly")) == 1


def test_a_locked_database_delays_a_time_and_loses_none(sandbox: TestSandbox, monkeypatch: Any) -> None:
    create, calls = sandbox.admin.launching.create, []

    def fail_twice(request: execution_pb2.ExecutionCreateRequest) -> object:
        calls.append(request)
        if len(calls) <= 2:
            raise OperationalError("insert", {}, sqlite3.OperationalError("database is locked"))
        return create(request)

    monkeypatch.setattr(sandbox.scheduler, "_create", fail_twice)
    activate(sandbox, register(sandbox, "hourly", cron("@hourly")))
    sandbox.skip(HOUR)
    eventually(lambda: len(calls) == 1)
    eventually(lambda: sandbox.skip(timedelta(seconds=1)) and launched(sandbox, "hourly"))
    assert [request.name for request in calls] == [calls[0].name] * 3
    assert times(sandbox, "hourly") == [noon(sandbox) + HOUR]


def test_the_deprecated_expression_cannot_be_activated(sandbox: TestSandbox) -> None:
    plan = register(sandbox, "old", schedule_pb2.Schedule(cron_expression="0 10 * * *"))
    with pytest.raises(Internal, match="failed adding schedule for unknown schedule expression type"):
        activate(sandbox, plan)
    assert sandbox.admin.launch_plans.get(_get(plan)).closure.state == launch_plan_pb2.INACTIVE


def test_without_schedules_the_scheduler_sleeps_until_it_is_told(
    sandbox: TestSandbox, monkeypatch: Any
) -> None:
    waits: list[datetime | None] = []
    wait = sandbox.clock.wait

    def spy(changed: Any, until: datetime | None = None) -> None:
        if changed is sandbox.scheduler._changed:
            waits.append(until)
        wait(changed, until)

    monkeypatch.setattr(sandbox.clock, "wait", spy)
    plan = register(sandbox, "daily", cron("@daily"))
    activate(sandbox, plan)
    midnight = (noon(sandbox) + 12 * HOUR).replace(tzinfo=timezone.utc)
    eventually(lambda: waits[-1:] == [midnight])
    deactivate(sandbox, plan)
    eventually(lambda: waits[-1:] == [None])


def _get(plan: identifier_pb2.Identifier) -> common_pb2.ObjectGetRequest:
    return common_pb2.ObjectGetRequest(id=plan)
