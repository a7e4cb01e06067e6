"""Who the processes of this machine are: identities that survive a reused pid, and the members of an attempt.

An attempt's processes share its session or carry its mark in their environment; a descendant may have left
both, so the children of members are members too. Those whose parents have ended become children of the
attempt's first process, as in a container, and of its template when that has ended. Linux reads /proc;
elsewhere ``ps`` tells everything but the marks.
"""

from __future__ import annotations

import ctypes
import functools
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Collection
from typing import NamedTuple

MARK = "AIRFLYTE_ATTEMPT"
"""The variable that marks an attempt's processes."""

MARK_LENGTH = 32
"""Of its value, always: a fork writes it over its template's, in place."""

NO_SESSION = -1

IS_LINUX = sys.platform == "linux"
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NAME = 15
_KILL_PASSES = 10


class Process(NamedTuple):
    pid: int
    parent: int
    session: int
    is_zombie: bool
    born: str


@functools.cache
def boot_id() -> str:
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def identity(pid: int) -> str | None:
    """:return: the same for one process all its life, never again for another; None when there is none."""
    process = _look(pid)
    if process is None or process.is_zombie:
        return None
    return f"{boot_id()}/{process.born}" if IS_LINUX else process.born


def is_alive(pid: int, known_identity: str) -> bool:
    return pid > 0 and identity(pid) == known_identity


def become_subreaper() -> bool:
    """Let this process inherit the orphans among its descendants, so that none gets out of sight."""
    if not IS_LINUX:
        return False
    return bool(ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


def set_name(name: str) -> None:
    """What ``ps`` and the like show of this process; a script's is set when it is started."""
    if IS_LINUX:
        ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode()[:15], 0, 0, 0)


def flush_c_streams() -> None:
    """What native code printed is still in libc's buffers, which a fork copies and ``os._exit`` forgets."""
    ctypes.CDLL(None).fflush(None)


def members(session: int, mark: str, known: Collection[int] = ()) -> set[int]:
    """The living processes of an attempt: of its session, with its mark, and their descendants.

    :param known: further ones of which the caller knows that they are its own.
    """
    living = [process for process in everyone() if not process.is_zombie and process.pid != os.getpid()]
    found = {
        each.pid
        for each in living
        if each.session == session or each.pid in known or _has_mark(each.pid, mark)
    }
    size = 0
    while len(found) != size:
        size = len(found)
        found |= {each.pid for each in living if each.parent in found}
    return found


def session_members(session: int) -> set[int]:
    return {each.pid for each in everyone() if each.session == session and not each.is_zombie}


def send(pids: set[int], number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass  # it has just ended
        except PermissionError:
            pass  # a set-uid program: not ours to end


def kill(session: int, mark: str, known: Callable[[], Collection[int]] = tuple) -> None:
    """SIGKILL every process of an attempt, again while new ones appear.

    :param known: tells further ones, each time anew.
    """
    for _ in range(_KILL_PASSES):
        found = members(session, mark, known())
        if not found:
            return
        send(found, signal.SIGKILL)


def children() -> set[int]:
    """The direct children of this process, its inherited orphans among them."""
    me = os.getpid()
    try:
        with open(f"/proc/self/task/{me}/children", encoding="ascii") as file:
            return {int(pid) for pid in file.read().split()}
    except FileNotFoundError:  # a kernel without CONFIG_PROC_CHILDREN, or no Linux
        return {each.pid for each in everyone() if each.parent == me}


def mark_of(pid: int) -> str:
    """:return: the mark of a process's attempt; empty when it has none, or cannot be read."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            entries = file.read().split(b"\0")
    except OSError:
        return ""
    start = f"{MARK}=".encode()
    return next((os.fsdecode(entry[len(start) :]) for entry in entries if entry.startswith(start)), "")


def _has_mark(pid: int, mark: str) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return f"{MARK}={mark}".encode() in file.read()
    except OSError:
        return False  # gone, or another user's


def everyone() -> list[Process]:
    """All processes of this machine, as far as it shows them."""
    if not IS_LINUX:
        return _ask_ps(["-A"])
    found = (_look(int(name)) for name in os.listdir("/proc") if name.isdigit())
    return [process for process in found if process is not None]


def _look(pid: int) -> Process | None:
    if not IS_LINUX:
        return next(iter(_ask_ps(["-p", str(pid)])), None)
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            # The name, in parentheses, may hold anything; field 3, the state, comes after the last one.
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return Process(pid, int(fields[1]), int(fields[3]), fields[0] in "ZX", fields[19])


def _ask_ps(selection: list[str]) -> list[Process]:
    """Without /proc the process group stands for the session."""
    command = ["ps", *selection, "-o", "pid=,ppid=,pgid=,stat=,lstart="]
    text = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout
    rows = (line.split(None, 4) for line in text.splitlines())
    return [Process(int(r[0]), int(r[1]), int(r[2]), r[3].startswith("Z"), r[4]) for r in rows if len(r) == 5]
