"""The life of a forked child: claim the attempt, become its process, run it, end as an interpreter ends."""

from __future__ import annotations

import atexit
import contextlib
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
        is_ours = _take(forked)
    except BaseException:  # noqa: BLE001  # not claimed: the template reports it, the log says why
        traceback.print_exc()
        os._exit(1)
    if is_ours:
        os._exit(_run_claimed(forked))
    os._exit(0)


def _take(forked: Forked) -> bool:
    """Where it has to wait for the word, the template claims the attempt when it gives it."""
    if forked.word is not None:
        return True
    claim = records.claim_of(
        os.getpid(), forked.template_pid, forked.template_identity, forked.started_at, forked.job.uid
    )
    return records.claim(forked.job.folder, claim)


def _run_claimed(forked: Forked) -> int:
    try:
        isolation.enter_environment(forked.job)
        isolation.enter_work(forked.job)
        code = _run_command(forked)
        if forked.word is not None and not forked.word.has_come():
            os._exit(0)  # it ended before it could begin
        code = _end(code, forked)
    except BaseException:  # noqa: BLE001  # nothing may get back to the template's code
        traceback.print_exc()
        code = 1
    _record_end(code, forked)
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
        if forked.word is not None:
            forked.word.wait()
        _restore_signals()
        commands.execute(argv)
    return entrypoints.run(argv, scripts, forked.warmth, forked.word)


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


def _record_end(code: int, forked: Forked) -> None:
    """The template records it too, and knows more; but it may have been killed, or be so at this moment."""
    is_orphan = os.getppid() != forked.template_pid
    # Under a uid of its own it may write below its work folder only; the server looks there too.
    folder = forked.job.folder if forked.job.uid is None else forked.job.work
    began_at = forked.word.started_at if forked.word else None
    with contextlib.suppress(OSError):  # the disk is full, and who lives on tries again
        records.write_exit(folder, _own_end(code, began_at or forked.started_at), is_synced=is_orphan)


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
