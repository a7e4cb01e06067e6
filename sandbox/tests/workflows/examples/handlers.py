"""Workflows that fail, and whose handlers take their time."""

import time
from pathlib import Path

from flytekit import WorkflowFailurePolicy, task, workflow


@task
def refuse(gate: str, log: str) -> int:
    if gate or log:
        raise ValueError(f"neither {gate} nor {log}")
    return 0


@task
def handle(gate: str, log: str) -> None:
    with Path(log).open("a") as file:
        file.write("handling\n")
    while not Path(gate).exists():
        time.sleep(0.02)


@task
def finish(log: str) -> None:
    with Path(log).open("a") as file:
        file.write("handled\n")


@workflow
def handling(gate: str, log: str) -> None:
    handle(gate=gate, log=log) >> finish(log=log)


@workflow(on_failure=handle)
def by_a_task(gate: str, log: str) -> int:
    return refuse(gate=gate, log=log)


@workflow(on_failure=handling)
def by_a_workflow(gate: str, log: str) -> int:
    return refuse(gate=gate, log=log)


@workflow(on_failure=handle, failure_policy=WorkflowFailurePolicy.FAIL_AFTER_EXECUTABLE_NODES_COMPLETE)
def at_the_end(gate: str, log: str) -> int:
    return refuse(gate=gate, log=log)
