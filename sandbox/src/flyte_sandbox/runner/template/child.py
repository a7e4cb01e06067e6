"""The life of a forked child: claim the attempt, become its process, run it, end as an interpreter ends."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
import traceback
from typing import NoReturn

from . import commands, entrypoints, isolation, processes, records, reports
from .job import Forked

_FLUSH_FAILED = 120
"""CPython's exit code when standard output cannot be written at the end."""


def run(forked: Forked) -> NoReturn:
    """Never returns, whatever happens: above is the template's stack."""
    try:
        isolation.leave_template(forked.own)
        isolation.enter_folder(forked.job)
        is_ours = records.claim(forked.job.folder, _claim(forked))
    except BaseException:  # noqa: BLE001  # not claimed: the template reports it, the log says why
        traceback.print_exc()
        os._exit(1)
    if is_ours:
        os._exit(_run_claimed(forked))
    os._exit(0)


def _claim(forked: Forked) -> dict[str, object]:
    me = os.getpid()
    return {
        "pid": me,
        "identity": processes.identity(me),
        "template": forked.template_pid,
        "template_identity": forked.template_identity,
        "started_at": forked.started_at,
        "uid": forked.job.uid,
    }


def _run_claimed(forked: Forked) -> int:
    try:
        isolation.enter_environment(forked.job)
        isolation.enter_work(forked.job)
        code = _run_command(forked)
        code = _end(code, forked)
    except BaseException:  # noqa: BLE001  # nothing may get back to the template's code
        traceback.print_exc()
        code = 1
    _record_if_orphaned(code, forked)
    return code


def _run_command(forked: Forked) -> int:
    job, scripts = forked.job, forked.config.bin
    argv = job.argv
    fast = commands.parse_fast(argv, scripts)
    if fast is not None:
        try:
            argv = commands.put_code_in_place(fast)
        except commands.CodeError as exc:
            print(exc, file=sys.stderr)  # noqa: T201
            return 1
    if commands.entrypoint_name(argv, scripts) not in commands.IN_PROCESS or _must_be_cold(forked):
        _restore_signals()
        commands.execute(argv)
    return entrypoints.run(argv, scripts, forked.warmth)


def _must_be_cold(forked: Forked) -> bool:
    folders = entrypoints.module_path(forked.config.bin, [])[1:]
    env = forked.job.env | forked.job.secrets.get("env", {})
    return forked.warmth.reason_for_cold(env, folders) is not None


def _restore_signals() -> None:
    """Python ignores these two when it starts; a program that is no Python must find them as usual."""
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)


def _end(code: int, forked: Forked) -> int:
    """In the interpreter's order: threads, exit handlers, standard files. The rest would only free memory."""
    threading._shutdown()  # type: ignore[attr-defined]
    _report_modules(forked)
    atexit._run_exitfuncs()
    try:
        if sys.stdout is not None and not sys.stdout.closed:
            sys.stdout.flush()
        processes.flush_c_streams()
    except (OSError, ValueError):
        return _FLUSH_FAILED
    return code


def _report_modules(forked: Forked) -> None:
    """Tell the template which of the environment's modules this attempt had to import by itself."""
    names = forked.warmth.learned()
    if names:
        reports.write(forked.job, names)


def _record_if_orphaned(code: int, forked: Forked) -> None:
    """The template waits for its children; when it was killed, only this process still knows its own end."""
    if os.getppid() == forked.template_pid:
        return
    # Under a uid of its own it may write below its work folder only; the server looks there too.
    folder = forked.job.folder if forked.job.uid is None else forked.job.work
    records.write_exit(folder, _own_end(code, forked.started_at))


def _own_end(code: int, started_at: float) -> dict[str, object]:
    times = os.times()
    return {
        "code": code,
        "signal": None,
        "started_at": started_at,
        "ended_at": time.time(),
        "max_rss_bytes": None,
        "cpu_seconds": times.user + times.system,
    }
