"""kill -9 of flyte_sandbox in mid-run costs nothing: the same execution ends green, and no task ran twice."""

from __future__ import annotations

import grpc
import pytest

from .harness import gate as gates
from .harness.airflow import Airflow
from .harness.eventually import eventually
from .harness.flyte import Execution, Flyte
from .harness.gate import Gate
from .harness.stack import Stack


@pytest.mark.parametrize("opens", ["after the server is back", "while the server is away"])
def test_an_execution_outlives_the_server(
    stack: Stack, airflow: Airflow, flyte: Flyte, gate: Gate, opens: str
) -> None:
    run = airflow.trigger("launch_deferred", launch_plan=gates.LAUNCH_PLAN, inputs=gate.inputs)
    run.task("launch").wait_for("deferred")
    eventually(lambda: gate.is_waited_at)
    execution = flyte.execution(run.task("launch").execution_name)

    stack.process_of("flyte").kill()
    if opens == "while the server is away":
        gate.open()
    else:
        eventually(lambda: is_running(execution), tolerating=(grpc.RpcError,))
        gate.open()

    assert execution.wait() == "SUCCEEDED"
    assert gate.notes == ["begin", "wait", "end"]
    assert set(execution.attempts.values()) == {1}
    assert run.wait() == "success", run.task("launch").log()
    assert list(flyte.executions(gates.LAUNCH_PLAN)).count(execution.name) == 1


def is_running(execution: Execution) -> bool:
    """Whether the new server answers that it still runs."""
    return execution.phase == "RUNNING"
