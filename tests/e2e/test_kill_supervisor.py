"""kill -9 of the process supervisor, then ``up``: all runs again, nothing runs twice, nothing is lost."""

from __future__ import annotations

from collections import Counter

from .harness import gate as gates
from .harness.eventually import eventually
from .harness.gate import Gate
from .harness.processes import still_alive
from .harness.stack import Stack


def test_up_after_the_supervisor_was_killed_starts_nothing_twice(stack: Stack, gate: Gate) -> None:
    execution = stack.flyte.launch(gates.LAUNCH_PLAN, **gate.inputs)
    eventually(lambda: gate.is_waited_at)
    before = stack.processes
    supervisor = stack.process_of("flyte").parent()
    assert supervisor is not None
    assert "supervisord" in before[supervisor]

    supervisor.kill()
    said = stack.up().output

    assert "Ended what an earlier run had left behind" in said
    assert not still_alive(before)
    assert Counter(stack.tops).most_common(1)[0][1] == 1, "something runs twice"
    gate.open()
    assert execution.wait() == "SUCCEEDED"
    assert gate.notes == ["begin", "wait", "wait", "end"], "only what was interrupted may have run again"
