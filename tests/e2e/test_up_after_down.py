"""``up`` after ``down`` still has yesterday's runs, and those that were under way go on to their end."""

from __future__ import annotations

from .harness import gate as gates
from .harness.eventually import eventually
from .harness.gate import Gate
from .harness.stack import Stack


def test_runs_of_yesterday_are_still_there(stack: Stack, gate: Gate) -> None:
    finished = stack.airflow.trigger("hello_flyte")
    assert finished.wait() == "success"
    waiting = stack.airflow.trigger("launch_deferred", launch_plan=gates.LAUNCH_PLAN, inputs=gate.inputs)
    eventually(lambda: waiting.task("launch").is_in_triggerer)
    eventually(lambda: gate.is_waited_at)
    greeted, interrupted = finished.task("say_hello").execution_name, waiting.task("launch").execution_name
    log, dag_runs, executions = finished.task("say_hello").log(), all_runs(stack), stack.flyte.executions()

    said = stack.down()
    assert interrupted in said.output
    assert not stack.processes
    assert not stack.open_ports
    stack.up()

    assert all_runs(stack) == dag_runs
    assert stack.flyte.executions() == executions
    assert stack.flyte.execution(greeted).outputs == {"o0": "Hello, Airflow!"}
    assert finished.task("say_hello").log() == log
    gate.open()
    # Airflow believes for a while that yesterday's triggerer will come back for its triggers.
    assert waiting.wait() == "success"
    assert gate.notes == ["begin", "wait", "wait", "end"]


def all_runs(stack: Stack) -> dict[str, dict[str, str]]:
    """States of the runs of the Dags in question."""
    return {dag_id: stack.airflow.runs(dag_id) for dag_id in ("hello_flyte", "launch_deferred")}
