"""A workflow that fails turns the Airflow task red, with Flyte's own message and a link to it in the log."""

from __future__ import annotations

from .harness.airflow import Airflow
from .harness.flyte import Flyte

MESSAGE = "the table has no rows; was the export empty last night?"


def test_a_failing_workflow_turns_the_airflow_task_red_and_says_why(airflow: Airflow, flyte: Flyte) -> None:
    run = airflow.trigger("launch", launch_plan="stories.failing.failing_wf", inputs={"rows": 0})
    assert run.wait() == "failed"

    task = run.task("launch")
    execution = flyte.execution(task.execution_name)
    assert task.state == "failed"
    assert execution.phase == "FAILED"
    assert MESSAGE in task.log()
    assert execution.url in task.log()
    assert task.links["Flyte console"] == execution.url
