"""A second process waits for the lock and says for whom; a dead holder is nobody to wait for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from airflyte import locks
from airflyte.state import StateFolder

HOLD = """
import sys
from pathlib import Path
from airflyte.state import StateFolder
with StateFolder(Path(sys.argv[1])).locked("airflyte up", print):
    print("held", flush=True)
    sys.stdin.readline()
print("released", flush=True)
"""

WAIT = """
import sys
from pathlib import Path
from airflyte.state import StateFolder
def say(text): print(text, flush=True)
with StateFolder(Path(sys.argv[1])).locked("airflyte down", say):
    print("mine", flush=True)
"""


@pytest.fixture
def state(checkout: Path) -> Path:
    return checkout / ".airflyte"


def test_a_second_process_waits_and_says_for_whom(state: Path, spawn: Callable) -> None:
    holder = spawn(HOLD, state)
    assert holder.stdout.readline() == "held\n"
    waiter = spawn(WAIT, state)
    assert waiter.stdout.readline().startswith(f"Waiting for `airflyte up` (pid {holder.pid}, since ")
    holder.stdin.write("\n")
    holder.stdin.flush()
    assert holder.stdout.readline() == "released\n"
    assert waiter.stdout.readline() == "mine\n"


def test_the_lock_of_a_killed_process_is_free_at_once(state: Path, spawn: Callable) -> None:
    holder = spawn(HOLD, state)
    assert holder.stdout.readline() == "held\n"
    holder.kill()
    holder.wait()
    said: list[str] = []
    with StateFolder(state).locked("airflyte up", said.append):
        assert said == []


def test_a_process_that_the_holder_starts_does_not_keep_the_lock(state: Path, spawn: Callable) -> None:
    leaves_a_child = """
import subprocess, sys
from pathlib import Path
from airflyte.state import StateFolder
with StateFolder(Path(sys.argv[1])).locked("airflyte up"):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=sys.stdin, close_fds=False)
print(child.pid, flush=True)
"""
    parent = spawn(leaves_a_child, state)
    assert int(parent.stdout.readline())
    with locks.locked(state / "lock", "airflyte status", pytest.fail):
        pass


def test_a_holder_without_a_record_is_still_waited_for(state: Path) -> None:
    state.mkdir()
    (state / "lock").write_text("")
    assert locks.holder(state / "lock") == "another airflyte command"
