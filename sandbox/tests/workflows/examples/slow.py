"""Tasks that go on until a file says so: a test decides how long they run."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from flytekit import Deck, task, workflow


@task
def wait_for(gate: str, log: str, name: str) -> str:
    with Path(log).open("a") as file:
        file.write(f"{name}\n")
    while not Path(gate).exists():
        time.sleep(0.02)
    return name


@task
def note(log: str, name: str) -> str:
    with Path(log).open("a") as file:
        file.write(f"{name}\n")
    return name


@workflow
def gated(gate: str, log: str) -> str:
    first = note(log=log, name="first")
    second = wait_for(gate=gate, log=log, name="second")
    third = note(log=log, name="third")
    first >> second
    second >> third
    return third


@task
def stubborn(log: str) -> None:
    """Ignores SIGTERM and has a child in a session of its own."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sleeper = [sys.executable, "-c", "import time; time.sleep(600)"]
    child = subprocess.Popen(sleeper, start_new_session=True)
    Path(log).write_text(f"{os.getpid()} {child.pid}\n")
    while True:
        time.sleep(0.05)


@workflow
def cannot_be_asked(log: str) -> None:
    stubborn(log=log)


@task(enable_deck=True)
def shows(gate: str) -> int:
    Deck("progress", "half way")
    Deck.publish()
    while not Path(gate).exists():
        time.sleep(0.02)
    return 1


@workflow
def shown(gate: str) -> int:
    return shows(gate=gate)
