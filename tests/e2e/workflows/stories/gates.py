"""A workflow that the story holds in its hand: it notes what it does and goes on when the story lets it."""

import os
import time
from pathlib import Path

from flytekit import task, workflow

LOOK_SECONDS = 0.05
LIMIT_SECONDS = 240.0


@task
def begin(folder: str) -> str:
    """Note that it ran."""
    _note(folder, "begin")
    return folder


@task
def wait_at_the_gate(folder: str) -> str:
    """Note that it ran, and return once there is a file ``open`` in the folder."""
    _note(folder, "wait")
    deadline = time.monotonic() + LIMIT_SECONDS
    while not Path(folder, "open").exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"nobody made {folder}/open within {LIMIT_SECONDS:.0f} s")
        time.sleep(LOOK_SECONDS)
    return folder


@task
def end(folder: str) -> str:
    """Note that it ran."""
    _note(folder, "end")
    return "through the gate"


@workflow
def gate_wf(folder: str) -> str:
    """Three tasks, the second of which waits.

    :param folder: where notes are made in the file ``notes``, and where ``open`` is looked for.
    """
    return end(folder=wait_at_the_gate(folder=begin(folder=folder)))


def _note(folder: str, text: str) -> None:
    with Path(folder, "notes").open("a") as notes:
        notes.write(f"{text} {os.getpid()}\n")
