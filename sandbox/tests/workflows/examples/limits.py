"""Tasks that may take only so long."""

import os
import time
from datetime import timedelta
from pathlib import Path

from flytekit import current_context, task, workflow


@task(timeout=timedelta(seconds=2), retries=1)
def slow_at_first(log: str) -> int:
    """The first attempt never ends by itself."""
    attempt = int(os.environ["FLYTE_ATTEMPT_NUMBER"])
    with Path(log).open("a") as file:
        file.write(f"{attempt} {os.getpid()}\n")
    assert current_context().execution_id is not None
    while attempt == 0:
        time.sleep(0.02)
    return attempt


@workflow
def second_time_lucky(log: str) -> int:
    return slow_at_first(log=log)


@task
def wait_for(gate: str, log: str) -> int:
    with Path(log).open("a") as file:
        file.write(f"{os.getpid()}\n")
    while not Path(gate).exists():
        time.sleep(0.02)
    return 1


@workflow
def patient(gate: str, log: str) -> int:
    return wait_for(gate=gate, log=log)
