"""``down`` leaves no process and no port, whatever a task does to stay, and the next ``up`` resumes it."""

from __future__ import annotations

from pathlib import Path

import psutil

from .harness.eventually import eventually
from .harness.gate import Gate
from .harness.stack import Stack

DOWN_SECONDS = 15


def test_down_ends_a_task_that_ignores_sigterm_with_its_children(second_stack: Stack, gate: Gate) -> None:
    second_stack.ensure_up()
    execution = second_stack.flyte.launch("stories.stubborn.stubborn_wf", folder=str(gate.folder))
    eventually((gate.folder / "pids").exists)
    children = pids_in(gate.folder / "pids")
    assert all(psutil.pid_exists(pid) for pid in children)

    said = second_stack.down()

    assert not second_stack.processes
    assert not second_stack.open_ports
    assert not [pid for pid in children if psutil.pid_exists(pid)]
    assert said.seconds < DOWN_SECONDS
    assert execution.name in said.output

    second_stack.up()
    assert execution.wait() == "SUCCEEDED"
    assert execution.attempts == {"n0": 1}, "being stopped used up a retry"


def pids_in(path: Path) -> list[int]:
    """The children of the task."""
    return [int(line) for line in path.read_text().splitlines()]
