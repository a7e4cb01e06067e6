"""``up`` after ``down`` still has yesterday's runs, in Airflow and in Flyte, with their outputs and logs."""

from __future__ import annotations

from .harness.stack import Stack


def test_yesterdays_runs_are_still_there(stack: Stack) -> None:
    run = stack.airflow.trigger("hello_flyte")
    assert run.wait() == "success"
    log = run.task("say_hello").log()
    dag_runs, executions = stack.airflow.runs("hello_flyte"), stack.flyte.executions()
    name = run.task("say_hello").xcom("flyte_execution")["name"]

    stack.down()
    assert not stack.processes
    assert not stack.open_ports
    stack.up()

    assert stack.airflow.runs("hello_flyte") == dag_runs
    assert stack.flyte.executions() == executions
    assert stack.flyte.execution(name).outputs == {"o0": "Hello, Airflow!"}
    assert run.task("say_hello").log() == log
