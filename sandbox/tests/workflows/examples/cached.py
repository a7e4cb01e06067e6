"""Tasks whose outputs are remembered."""

import functools
import time
import uuid
from pathlib import Path
from typing import Annotated

from flytekit import HashMethod, dynamic, map_task, task, workflow


@task(cache=True, cache_version="1")
def draw(seed: int) -> str:
    """Another value each time that it really runs."""
    return f"{seed}-{uuid.uuid4().hex}"


@workflow
def drawn(seed: int) -> str:
    return draw(seed=seed)


def write(log: str, line: str) -> None:
    with Path(log).open("a") as file:
        file.write(f"{line}\n")


@task(cache=True, cache_version="1", cache_serialize=True, cache_ignore_input_vars=("gate", "log"))
def alone(seed: str, gate: str, log: str) -> str:
    """Of all that ask at the same time one works."""
    write(log, seed)
    while not Path(gate).exists():
        time.sleep(0.02)
    return f"{seed}-{uuid.uuid4().hex}"


@workflow
def one_at_a_time(seed: str, gate: str, log: str) -> str:
    return alone(seed=seed, gate=gate, log=log)


@workflow
def two_at_once(seed: str, gate: str, log: str) -> tuple[str, str]:
    return alone(seed=seed, gate=gate, log=log), alone(seed=seed, gate=gate, log=log)


@task(cache=True, cache_version="1", cache_ignore_input_vars=("log",))
def remembers(number: int, log: str) -> int:
    write(log, str(number))
    return number * number


@workflow
def mapped(numbers: list[int], log: str) -> list[int]:
    return map_task(functools.partial(remembers, log=log))(number=numbers)


@dynamic(cache=True, cache_version="1", cache_ignore_input_vars=("log",))
def yields(count: int, log: str) -> int:
    write(log, "yields")
    return remembers(number=count, log=log)


@workflow
def dynamically(count: int, log: str) -> int:
    return yields(count=count, log=log)


def first_letter(text: str) -> str:
    return text[0]


@task
def produce(text: str) -> Annotated[str, HashMethod(first_letter)]:
    return text


@task(cache=True, cache_version="1", cache_ignore_input_vars=("log",))
def consume(text: str, log: str) -> str:
    write(log, text)
    return text


@workflow
def by_hash(text: str, log: str) -> str:
    """Two texts that begin alike are the same to the cache."""
    return consume(text=produce(text=text), log=log)
