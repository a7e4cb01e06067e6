"""The links that an attempt names lead to what it printed, also while it runs."""

from __future__ import annotations

import os
import urllib.request
from pathlib import Path

from flyteidl.admin import task_execution_pb2

from ..waiting import eventually
from .launching import Tasks

FAILS = "import os, sys; print('attempt', os.environ['FLYTE_ATTEMPT_NUMBER']); sys.exit(3)"


def opened(attempt: task_execution_pb2.TaskExecution) -> str:
    """What a browser gets that follows the one link."""
    (link,) = attempt.closure.logs
    with urllib.request.urlopen(link.uri) as answer:  # noqa: S310
        assert answer.status == 200
        return str(answer.read().decode())


def test_each_attempt_has_a_log_of_its_own(tasks: Tasks) -> None:
    attempts = tasks.python(FAILS).attempts()
    assert len(attempts) == 4
    for number, attempt in enumerate(attempts):
        page = opened(attempt)
        assert f"attempt {number}\n" in page
        assert page.count("attempt 0\n") == (number == 0)


def test_a_log_can_be_opened_while_its_task_runs(tasks: Tasks, tmp_path: Path) -> None:
    gate = tmp_path / "pipe"  # the task ends when somebody reads
    os.mkfifo(gate)
    launched = tasks.launch("sh", "-c", f"echo halfway; echo go > {gate}; echo done")
    (attempt,) = eventually(lambda: [one for one in launched.attempts() if one.closure.logs])
    eventually(lambda: "halfway\n" in opened(attempt), "the first line")
    assert "done\n" not in opened(attempt)
    assert gate.read_text() == "go\n"
    launched.wait()
    assert "halfway\ndone\n" in opened(attempt)
