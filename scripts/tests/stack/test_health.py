"""One look at a stack says what runs, what does not answer, and what is left over."""

from __future__ import annotations

import os
import signal
import time

from airflyte.stack import health, launch
from airflyte.stack.parts import Stack
from airflyte.verbs import status


def test_a_stack_that_was_never_started_is_stopped(stack: Stack) -> None:
    found = health.look(stack)
    assert found.word == "stopped"
    assert status.table(stack, found)[-1] == "Next: make up"


def test_doors_that_do_not_answer_are_named(stack: Stack, environ: dict[str, str]) -> None:
    launch.launch(stack, environ, str)
    found = health.look(stack)
    assert found.word == "not ready"
    assert {component.phase for component in found.components} == {"stopped"}
    assert all(door.reason for door in found.doors)
    assert status.table(stack, found)[-1] == "Next: make logs ARGS=flyte"
    assert status.as_json(stack, found)["status"] == "not ready"


def test_processes_without_a_supervisor_are_counted(stack: Stack, environ: dict[str, str]) -> None:
    launch.launch(stack, environ, str)
    launch.start_flyte(stack)
    supervisor = stack.supervisor.pid()
    assert supervisor is not None
    os.kill(supervisor, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while stack.supervisor.pid() is not None:
        assert time.monotonic() < deadline
    found = health.look(stack)
    assert found.word == "without a supervisor"
    assert f"{found.strays} of its processes are left" in status.table(stack, found)[1]


def test_variables_hold_addresses_and_no_password(stack: Stack, environ: dict[str, str]) -> None:
    launch.launch(stack, environ, str)
    found = status.variables(stack)
    assert found["STACK_FLYTE_ENDPOINT"] == f"localhost:{stack.settings.ports.flyte}"
    assert "AIRFLOW_HOME" not in found, "this stack has no Airflow"
    assert stack.secrets.airflow_password not in "".join(found.values())
