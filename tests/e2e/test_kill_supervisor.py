"""kill -9 of the process supervisor, then ``up``: everything runs again, and nothing runs twice."""

from __future__ import annotations

import os
import signal
from collections import Counter

from .harness.processes import parent_of
from .harness.stack import Stack


def test_up_after_the_supervisor_was_killed_starts_nothing_twice(stack: Stack) -> None:
    before = stack.processes
    supervisor = parent_of(stack.pid_of("flyte"))
    assert "supervisord" in before[supervisor]

    os.kill(supervisor, signal.SIGKILL)
    said = stack.up().output

    assert "Ended what an earlier run had left behind" in said
    assert not before.keys() & stack.processes.keys(), "one of the old processes still runs"
    assert Counter(stack.tops).most_common(1)[0][1] == 1, "something runs twice"
