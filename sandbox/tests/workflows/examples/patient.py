"""What takes hours: a sleep, an approval, a task that may take one hour."""

import time
from datetime import timedelta
from pathlib import Path

from flytekit import approve, sleep, task, workflow


@task
def greet(name: str) -> str:
    return f"hello {name}"


@workflow
def naps(name: str) -> str:
    nap = sleep(timedelta(minutes=50))
    greeting = greet(name=name)
    nap >> greeting
    return greeting


@workflow
def asks(name: str) -> str:
    return greet(name=approve(greet(name=name), "is-it-right", timeout=timedelta(hours=1)))


@task(timeout=timedelta(hours=1), retries=1)
def dawdle(gate: str, log: str) -> str:
    """Writes a line at the beginning of each attempt."""
    with Path(log).open("a") as file:
        file.write("attempt\n")
    while not Path(gate).exists():
        time.sleep(0.02)
    return "done"


@workflow
def dawdles(gate: str, log: str) -> str:
    return dawdle(gate=gate, log=log)
