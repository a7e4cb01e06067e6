"""Dag runs that end and come again, fan out, or outlast Flyte's absence."""

from __future__ import annotations

import pytest

from ..fakes.admin import Phase
from ..stack.airflow import Airflow, wait_until
from .flyte import ResumedFlyte

pytestmark = pytest.mark.timeout(600)


def test_a_deleted_run_triggered_again_gets_an_execution_of_its_own(
    airflow: Airflow, resumed_flyte: ResumedFlyte
) -> None:
    airflow.trigger("sync", "again")
    resumed_flyte.wait_for_executions("again")
    resumed_flyte.succeed("again")
    airflow.wait_for_task("sync", "again", "success")

    run = "/dags/sync/dagRuns/again"
    wait_until(lambda: airflow.call("GET", run)["state"] == "success", 60, "the end of the run")
    airflow.call("DELETE", run)
    airflow.trigger("sync", "again")
    first, second = resumed_flyte.wait_for_executions("again", 2)
    assert first.id.name != second.id.name
    resumed_flyte.succeed("again")
    airflow.wait_for_task("sync", "again", "success")
    assert "is of an earlier Dag run of this id" in airflow.log("sync", "again")
    assert [execution.closure.phase for execution in (first, second)] == [Phase.SUCCEEDED] * 2


@pytest.mark.parametrize("seconds", [0, pytest.param(60, marks=pytest.mark.slow)])
def test_a_deferred_task_outlasts_flytes_absence(
    airflow: Airflow, resumed_flyte: ResumedFlyte, seconds: int
) -> None:
    """At least three looks in vain; the same try goes on, and its log tells of it once in ten seconds."""
    run_id = f"outage_{seconds}"
    airflow.trigger("deferrable", run_id)
    (execution,) = resumed_flyte.wait_for_executions(run_id)
    airflow.wait_for_task("deferrable", run_id, "deferred")
    resumed_flyte.wait_for_look(execution.id.name)
    with resumed_flyte.away() as outage:
        outage.refuse(3, seconds)
    resumed_flyte.wait_for_look(execution.id.name)
    resumed_flyte.succeed(run_id)
    ti = airflow.wait_for_task("deferrable", run_id, "success", "failed")
    assert ti["state"] == "success"
    assert len(resumed_flyte.of_run(run_id)) == 1
    log = airflow.log("deferrable", run_id)
    assert "Flyte answers again" in log
    assert log.count("could not get execution") <= 2 + outage.seconds / 10


@pytest.mark.slow
def test_a_hundred_mapped_tasks_have_an_execution_each(airflow: Airflow, resumed_flyte: ResumedFlyte) -> None:
    airflow.trigger("mapped", "hundred")
    executions = resumed_flyte.wait_for_executions("hundred", 100, seconds=480)
    resumed_flyte.succeed("hundred")
    ends = ("success", "failed")
    for index in range(100):
        ti = airflow.wait_for_task("mapped", "hundred", *ends, map_index=index, seconds=480)
        assert ti["state"] == "success", index
    assert len(executions) == len(resumed_flyte.of_run("hundred")) == 100
    assert sorted(sent["index"] for sent in resumed_flyte.inputs_of("hundred")) == list(range(100))
