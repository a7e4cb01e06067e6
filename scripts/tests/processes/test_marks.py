"""Processes of a stack are found by their mark and ended for certain, however they resist."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from airflyte.processes import marks
from airflyte.state import MARK

STUBBORN = """
    import os, signal, subprocess, sys
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if len(sys.argv) > 1:
        child = subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE, start_new_session=True)
        print(os.getpid(), child.stdout.readline().decode().strip(), flush=True)
    else:
        print(os.getpid(), flush=True)
    signal.pause()
"""


# What Airflow's workers do: nobody but root may look at them, also not their own user.
CLOSED = """
    import ctypes, os, signal
    if os.fork() == 0:
        if os.fork() == 0:
            ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE
            print(os.getppid(), os.getpid(), flush=True)
    signal.pause()
"""


def start(stack_id: str, *command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        env={**os.environ, MARK: stack_id},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def stubborn(tmp_path: Path) -> str:
    script = tmp_path / "stubborn.py"
    script.write_text(textwrap.dedent(STUBBORN))
    return str(script)


def test_a_component_that_ignores_sigterm_and_its_child_in_another_session_are_ended(
    stack_id: str, tmp_path: Path
) -> None:
    with start(stack_id, sys.executable, stubborn(tmp_path), "with-child") as process:
        pids = [int(pid) for pid in first_line(process).split()]
        assert {found.pid for found in marks.find_marked(stack_id)} == set(pids)
        ended = marks.end_marked(stack_id, grace_seconds=0.2)
    assert {found.pid for found in ended} == set(pids)
    assert not any(psutil.pid_exists(pid) and marks.is_alive(psutil.Process(pid)) for pid in pids)


def test_a_polite_process_gets_the_time_to_clean_up(stack_id: str, tmp_path: Path) -> None:
    cleaned = tmp_path / "cleaned"
    script = f"trap 'echo done > \"{cleaned}\"; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
    with start(stack_id, "/bin/sh", "-c", script) as process:
        assert first_line(process) == "ready"
        marks.end_marked(stack_id)
    assert cleaned.read_text() == "done\n"


def test_a_child_that_dropped_the_mark_is_found_through_its_parent(stack_id: str) -> None:
    with start(stack_id, "/bin/sh", "-c", f"env -u {MARK} sleep 60 & echo $!; wait") as process:
        child = int(first_line(process))
        assert marks.carries_mark(child, stack_id)
        assert child in {found.pid for found in marks.find_marked(stack_id)}
        marks.end_marked(stack_id)
    assert not psutil.pid_exists(child) or not marks.is_alive(psutil.Process(child))


@pytest.mark.skipif(sys.platform != "linux", reason="closed processes are Linux's")
def test_a_process_that_shows_no_environment_is_found_without_its_parent(
    stack_id: str, tmp_path: Path
) -> None:
    (tmp_path / "closed.py").write_text(textwrap.dedent(CLOSED))
    with start(stack_id, sys.executable, str(tmp_path / "closed.py")) as leader:
        parent, closed = map(int, first_line(leader).split())
        os.kill(parent, signal.SIGKILL)
        assert {found.pid for found in marks.find_marked(stack_id)} - {parent} == {leader.pid, closed}
        known = marks.find_marked(stack_id)
        leader.kill()
    marks.end_marked(stack_id, also=known)
    assert not psutil.pid_exists(closed) or not marks.is_alive(psutil.Process(closed))


def test_a_closed_process_in_the_session_of_somebody_else_is_left_alone(
    stack_id: str, tmp_path: Path
) -> None:
    (tmp_path / "closed.py").write_text(textwrap.dedent(CLOSED))
    program = f'"{sys.executable}" "{tmp_path / "closed.py"}"'
    shell = f"env {MARK}={stack_id} sleep 60 & exec env -u {MARK} {program}"
    with start("", "/bin/sh", "-c", shell) as leader:
        _, closed = map(int, first_line(leader).split())
        found = {process.pid for process in marks.find_marked(stack_id)}
        assert len(found) == 1, "the marked one in that session"
        assert closed not in found
        os.killpg(leader.pid, signal.SIGKILL)


def test_a_process_of_another_stack_is_left_alone(stack_id: str) -> None:
    with start(stack_id + "-other", "sleep", "60") as other:
        assert marks.end_marked(stack_id) == []
        assert other.poll() is None
        assert not marks.carries_mark(other.pid, stack_id)
        marks.end_marked(stack_id + "-other")


def test_a_spared_process_stays(stack_id: str) -> None:
    with start(stack_id, "sleep", "60") as spared, start(stack_id, "sleep", "61"):
        ended = marks.end_marked(stack_id, spare=[spared.pid])
        assert [process.pid for process in ended] != [spared.pid]
        assert spared.poll() is None
        marks.end_marked(stack_id)


def test_the_caller_is_not_among_its_own_stack(stack_id: str) -> None:
    script = (
        "import sys; from airflyte.processes import marks; "
        f"marks.end_marked('{stack_id}', grace_seconds=0); print('still here')"
    )
    with start(stack_id, "/bin/sh", "-c", f'"{sys.executable}" -c "{script}"; echo and the shell') as process:
        output, _ = process.communicate(timeout=20)
    assert output.splitlines() == ["still here", "and the shell"]
