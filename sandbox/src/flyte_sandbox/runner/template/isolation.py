"""Turns a forked child into the process of one attempt: signals, session, files, user, environment."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
from collections.abc import Iterable

from . import processes, secret_files, short_paths
from .job import Closable, Job

_UMASK = 0o022
_PR_SET_DUMPABLE = 4


def leave_template(own: Iterable[Closable]) -> None:
    """Close what only the template may hold, undo its signal handling, start a session; unblock signals.

    Orphans among its descendants come to this process from now on, as in a container: so whatever comes to
    the template belongs to an attempt that has ended.
    """
    processes.become_subreaper()
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    for each in own:
        each.close()
    os.setsid()
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def begin_log(job: Job) -> None:
    """In the template: whoever is told that an attempt has started may follow the link to its log at once."""
    with contextlib.suppress(OSError):  # the child says why not
        os.close(_open_log(job))


def _open_log(job: Job) -> int:
    os.makedirs(job.folder, exist_ok=True)
    return os.open(job.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)


def enter_folder(job: Job) -> None:
    """Make the attempt's folder and write its log from here on. What follows is the attempt's own output."""
    os.umask(_UMASK)
    log = _open_log(job)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    os.close(log)


def enter_work(job: Job) -> None:
    """A fresh current folder and TMPDIR, and the attempt's own user."""
    for folder in (job.cwd, job.temporary):
        os.makedirs(folder, exist_ok=True)
    secret_files.write(job)
    if job.uid is not None:
        _give_files(job, job.uid)
        _become(job.uid)
    short_paths.make_link(job.env["TMPDIR"], job.temporary)
    os.chdir(job.cwd)
    if job.files:
        shutil.copytree(job.files, job.cwd, symlinks=True, dirs_exist_ok=True)


def _give_files(job: Job, uid: int) -> None:
    """What the task writes to. Its inputs, claim and record stay the template's."""
    for folder in (job.outputs, *job.writable):
        os.makedirs(folder, exist_ok=True)
    own = (job.work, job.cwd, job.temporary, job.outputs, job.log)
    for path in (*own, *secret_files.paths(job), *job.writable):
        os.chown(path, uid, uid, follow_symlinks=False)


def _become(uid: int) -> None:
    """Also drops root's groups and capabilities.

    The kernel then hides a process from its own user, its entries in /proc first, as one that may still know
    root's secrets. It knows what its template knows, and a cold run would not be hidden.
    """
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)


def enter_environment(job: Job) -> None:
    """The environment from scratch, also as others see it from outside."""
    os.environ.clear()
    os.environ.update(job.env)
    os.environ.update(job.secrets.get("env", {}))
    _stamp(job.mark)


_PLACEHOLDER_ADDRESS: list[int] = []


def find_placeholder() -> None:
    """Remember where this process's mark stands in memory.

    /proc/PID/environ shows the memory of the first environment, which a fork keeps: without a stamp of its
    own, it and those that it forks could not be told from their siblings.
    """
    if not processes.IS_LINUX:
        return
    with open("/proc/self/environ", "rb") as file:
        offset = file.read().find(f"{processes.MARK}=".encode())
    with open("/proc/self/stat", encoding="utf-8", errors="replace") as file:
        start = int(file.read().rpartition(")")[2].split()[47])  # field 50, env_start
    if offset >= 0 and start:
        _PLACEHOLDER_ADDRESS.append(start + offset + len(processes.MARK) + 1)


def _stamp(mark: str) -> None:
    for address in _PLACEHOLDER_ADDRESS:
        ctypes.memmove(address, mark.encode("ascii"), processes.MARK_LENGTH)
