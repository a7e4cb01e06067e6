"""Which processes belong to a stack, and how all of them are ended.

A process is ours when its environment carries ``AIRFLYTE_STACK=<id>``, or when an ancestor's does:
PostgreSQL's children overwrite the memory that ``/proc/<pid>/environ`` shows. What a process is for is known
elsewhere.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import psutil

from airflyte.errors import AirflyteError
from airflyte.state import MARK

GRACE_SECONDS = 2.0
"""From the polite signal to SIGKILL."""
KILL_SECONDS = 10.0
"""How long a process may take to vanish after SIGKILL (it may hang in the kernel) before we say so."""
LOOK_SECONDS = 0.02


def carries_mark(pid: int, stack_id: str) -> bool:
    """Whether this process, or one that it descends from, has the stack's mark."""
    process = _process(pid)
    if process is None:
        return False
    with contextlib.suppress(psutil.Error):
        return any(has_mark(each.pid, stack_id) for each in [process, *process.parents()])
    return False


def find_marked(stack_id: str) -> set[psutil.Process]:
    """Every living process of the stack: those with its mark or hiding it, and all that descend from these.

    The caller and its ancestors are left out, so that a shell opened inside the stack can stop it.
    """
    processes = list(psutil.process_iter())
    children: dict[int, list[psutil.Process]] = {}
    for process in processes:
        with contextlib.suppress(psutil.Error):
            children.setdefault(process.ppid(), []).append(process)
    found: dict[int, psutil.Process] = {}
    waiting = [process for process in processes if has_mark(process.pid, stack_id)]
    waiting += _closed(processes, waiting)
    while waiting:
        process = waiting.pop()
        if process.pid not in found:
            found[process.pid] = process
            waiting.extend(children.get(process.pid, []))
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    return {process for pid, process in found.items() if pid not in own and is_alive(process)}


def _closed(
    processes: Iterable[psutil.Process], marked: Iterable[psutil.Process]
) -> Iterable[psutil.Process]:
    """Those that hide their environment from all but root, and may have lost the parent that tells whose
    they are.

    Airflow's workers are like that once they have run a task. They stay in the session of the stack's
    supervisor: one whose leader carries the mark, or is gone.
    """
    if sys.platform != "linux":
        return []
    pids = {process.pid for process in marked}
    sessions = {_session(pid) for pid in pids}
    own = {each for each in sessions if each > 0 and (each in pids or not psutil.pid_exists(each))}
    return [
        process
        for process in processes
        if _session(process.pid) in own and not os.access(f"/proc/{process.pid}/environ", os.R_OK)
    ]


def _session(pid: int) -> int:
    """0 for a process that has ended, as for one whose session is not of this container."""
    with contextlib.suppress(OSError):
        return os.getsid(pid)
    return 0


def has_mark(pid: int, stack_id: str) -> bool:
    """Whether this very process has the mark in its environment."""
    return variable(pid, MARK) == stack_id


def variable(pid: int, name: str) -> str | None:
    """A variable of a process's environment as it was started; None also when that cannot be read."""
    if sys.platform != "linux":
        with contextlib.suppress(psutil.Error):
            return psutil.Process(pid).environ().get(name)
        return None
    prefix = f"{name}=".encode()
    try:
        entries = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    return next((os.fsdecode(entry[len(prefix) :]) for entry in entries if entry.startswith(prefix)), None)


def is_alive(process: psutil.Process) -> bool:
    """False also for a zombie: it has ended, only nobody has asked for its exit code."""
    with contextlib.suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def end_marked(
    stack_id: str,
    *,
    also: Iterable[psutil.Process] = (),
    spare: Iterable[int] = (),
    grace_seconds: float = GRACE_SECONDS,
) -> list[psutil.Process]:
    """End every process of the stack and return once none is left: a polite signal, then SIGKILL.

    Safe to call twice. A process that appears meanwhile (a fork that was under way) is ended too.

    :param also: processes found earlier, which cannot be told any more once their parents have ended.
    :param spare: pids that stay.
    :return: what had to be ended.
    :raises AirflyteError: naming a process that not even SIGKILL ended.
    """
    spared, earlier = set(spare), set(also)

    def find() -> set[psutil.Process]:
        found = find_marked(stack_id) | {process for process in earlier if is_alive(process)}
        return {process for process in found if process.pid not in spared}

    return end(find, grace_seconds)


def end(
    find: Callable[[], set[psutil.Process]], grace_seconds: float = GRACE_SECONDS
) -> list[psutil.Process]:
    """End what ``find`` finds, again and again until it finds nothing; see :func:`end_marked`."""
    known: set[psutil.Process] = set()
    started = time.monotonic()
    while True:
        found = find()
        for process in found - known:
            _signal(process, polite_signal(process))
        known |= found
        living = {process for process in known if is_alive(process)}
        if not living and not found:
            return list(known)
        waited = time.monotonic() - started
        if waited > grace_seconds:
            for process in living:
                _signal(process, signal.SIGKILL)
        if waited > grace_seconds + KILL_SECONDS:
            raise AirflyteError(f"These processes do not end, not even by SIGKILL: {describe(living)}.")
        time.sleep(LOOK_SECONDS)


def polite_signal(process: psutil.Process) -> signal.Signals:
    """What asks this program to end soon: SIGTERM; SIGINT for PostgreSQL, which else waits for clients."""
    with contextlib.suppress(psutil.Error):
        if Path(process.exe() or "").name == "postgres":
            return signal.SIGINT
    return signal.SIGTERM


def describe(processes: Iterable[psutil.Process]) -> str:
    """Processes as a list for a message: pid and the beginning of the command."""
    return ", ".join(f"{process.pid} ({command_of(process)})" for process in processes)


def command_of(process: psutil.Process, width: int = 60) -> str:
    """The beginning of a process's command line, or its name where that cannot be read."""
    with contextlib.suppress(psutil.Error):
        line = " ".join(" ".join(process.cmdline()).split()) or process.name()
        return line if len(line) <= width else line[: width - 1] + "…"
    return "?"


def _process(pid: int) -> psutil.Process | None:
    with contextlib.suppress(psutil.Error):
        return psutil.Process(pid)
    return None


def _signal(process: psutil.Process, number: int) -> None:
    # psutil compares the start time first, so a pid that was given to another process is left alone.
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)
