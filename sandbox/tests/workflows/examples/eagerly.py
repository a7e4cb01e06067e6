"""A workflow in plain Python, whose task launches executions itself."""

import os
import signal
import time
from pathlib import Path

from flytekit import eager, task, workflow


def write(log: str, line: str) -> None:
    with Path(log).open("a") as file:
        file.write(f"{line}\n")


@task
def add_one(number: int, log: str) -> int:
    write(log, f"add {number}")
    return number + 1


@task
def refuses(number: int) -> int:
    if number:
        raise ValueError(f"no {number}")
    return number


@task
def waits(gate: str, log: str) -> int:
    write(log, "waits")
    while not Path(gate).exists():
        time.sleep(0.02)
    return 1


@workflow
def add_two(number: int, log: str) -> int:
    return add_one(number=add_one(number=number, log=log), log=log)


@eager
async def counted(number: int, log: str) -> int:
    first = add_one(number=number, log=log)
    return add_two(number=first, log=log)


@eager
async def adopted(number: int, log: str) -> int:
    """Its first process dies; the second one finds what that one launched."""
    first = add_one(number=number, log=log)
    attempt = os.environ["FLYTE_ATTEMPT_NUMBER"]
    write(log, f"attempt {attempt}")
    if attempt == "0":
        os.kill(os.getpid(), signal.SIGKILL)
    return first


@eager
async def fails(number: int) -> int:
    return refuses(number=number)


@eager
async def holds(gate: str, log: str) -> int:
    return waits(gate=gate, log=log)
