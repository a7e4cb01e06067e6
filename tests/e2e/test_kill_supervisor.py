"""kill -9 of the process supervisor, then ``up``: all runs again, nothing runs twice, nothing is lost."""

from __future__ import annotations

import os
import signal
from collections import Counter

from .harness import gate as gates
from .harness.eventually import eventually
from .harness.gate import Gate
from .harness.processes import parent_of
from .harness.stack import Stack


def test_up_after_the_supervisor_was_killed_starts_nothing_twice(stack: Stack, gate: Gate) -> None:
    execution = stack.flyte.launch(gates.LAUNCH_PLAN, **gate.inputs)
    eventually(lambda: gate.is_waited_at)
    before = stack.processes
    supervisor = parent_of(stack.pid_of("flyte"))
    assert "supervisord" in before[supervisor]

    os.kill(supervisor, signal.SIGKILL)
    said = stack.up().output

    assert "Ended what an earlier run had left behind" in said
    assert not before.keys() & stack.processes.keys(), "one of the old processes still runs"
    assert Counter(stack.tops).most_common(1)[0][1] == 1, "something runs twice"
    gate.open()
    assert execution.wait() == "SUCCEEDED"
    assert gate.notes == ["begin", "wait", "wait", "end"], "only what was interrupted may have run again"
