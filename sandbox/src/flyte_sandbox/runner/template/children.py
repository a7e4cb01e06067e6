"""Forks attempts, waits for them, ends them, and writes down how they ended."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from . import footprints, isolation, long_logs, processes, records, reports, short_paths, sweeping
from .config import Config
from .job import Closable, Forked, Job
from .prepared import Preparations, Prepared, Word
from .warmth import Warmth

_LOOK_AGAIN_SECONDS = 0.2
"""A task fills a gigabyte of memory in half a second, and writes half of one to its log."""

Tell = Callable[[dict[str, Any]], None]


@dataclass
class Child:
    """
    :ivar kill_at: when patience ends (``time.monotonic``); None while nobody has asked it to stop.
    :ivar is_oom_killed: it was killed for using more memory than its limit.
    """

    job: Job
    pid: int
    started_at: float
    kill_at: float | None = None
    is_oom_killed: bool = False


class Children:
    """
    :param tell: sends a message to every connected server.
    :ivar unsaved: ends that could not be written, by key; the disk may be full for a while.
    :ivar preparations: attempts that have not begun.
    :ivar reports: names of modules that ended attempts had to import; whoever reads them takes them away.
    """

    def __init__(self, config: Config, tell: Tell) -> None:
        self._config = config
        self._tell = tell
        self._running: dict[int, Child] = {}
        self.preparations = Preparations()
        self._sweepers: set[int] = set()
        self._look_at = 0.0
        self._identity = processes.identity(os.getpid())
        self._sees_orphans = processes.become_subreaper()
        self.unsaved: dict[str, tuple[str, dict[str, Any]]] = {}
        self.reports: list[list[str]] = []

    @property
    def keys(self) -> list[str]:
        return [child.job.key for child in self._running.values()]

    @property
    def is_empty(self) -> bool:
        return not self._running

    @property
    def next_deadline(self) -> float | None:
        deadlines = [child.kill_at for child in self._running.values() if child.kill_at]
        if self._running:
            deadlines.append(self._look_at)
        if (late := self.preparations.next_deadline) is not None:
            deadlines.append(late)
        return min(deadlines, default=None)

    def fork(self, job: Job, warmth: Warmth, own: Iterable[Closable]) -> Forked | None:
        """:return: in the child, what it has to do; None in the template."""
        self.reap()  # one that was prepared and has ended meanwhile is none
        prepared = self.preparations.take(job.key)
        if prepared is not None and self._begin(prepared, job):
            return None
        started_at = time.time()
        forked = self._fork(job, warmth, own, started_at)
        if isinstance(forked, Forked):
            return forked
        self._add(job, forked, started_at)
        return None

    def _begin(self, prepared: Prepared, job: Job) -> bool:
        """Give the word. The claim is made here, because the child may be another user by now."""
        started_at = time.time()
        if prepared.fits(job) and self._claim(prepared, started_at):
            prepared.give_word(started_at)
            self._add(job, prepared.pid, started_at)
            return True
        prepared.discard()
        return False

    def _claim(self, prepared: Prepared, started_at: float) -> bool:
        job = prepared.job
        claim = records.claim_of(prepared.pid, os.getpid(), self._identity, started_at, job.uid)
        try:
            os.makedirs(job.folder, exist_ok=True)  # it may not have come to that yet
            return records.claim(job.folder, claim)
        except OSError:
            return False  # whoever is forked instead says why

    def _add(self, job: Job, pid: int, started_at: float) -> None:
        self._running[pid] = Child(replace(job, secrets={}), pid, started_at)  # siblings inherit what is here
        isolation.begin_log(job)
        self._tell({"event": "started", "key": job.key, "at": started_at})

    def prepare(self, job: Job, warmth: Warmth, own: Iterable[Closable]) -> Forked | None:
        """Fork an attempt that may not begin yet; nothing is told about it.

        :return: in the child, what it has to do; None in the template.
        """
        if any(job.secrets.values()) or records.read_claim(job.folder) is not None:
            return None  # secrets are not kept for later: siblings inherit what is here
        self.preparations.make_room()
        mine, its = socket.socketpair()
        try:
            forked = self._fork(job, warmth, [*own, mine], time.time(), Word(its))
        except OSError:
            mine.close()
            its.close()
            return None  # it will be forked when its time comes, or that will say why not
        if isinstance(forked, Forked):
            return forked
        its.close()
        self.preparations.add(job, forked, mine)
        return None

    def _fork(
        self, job: Job, warmth: Warmth, own: Iterable[Closable], started_at: float, word: Word | None = None
    ) -> Forked | int:
        """:return: in the child, what it has to do; its pid in the template.

        Signals wait until the child has shed the template's handlers, else a SIGTERM could be lost in
        between.
        """
        template = os.getpid()
        closed = [*own, *self.preparations.sockets]
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            pid = os.fork()
            if pid == 0:
                return Forked(job, self._config, warmth, closed, template, self._identity, started_at, word)
        finally:
            if os.getpid() == template:
                signal.pthread_sigmask(signal.SIG_SETMASK, ())
        return pid

    def stop(self, key: str) -> None:
        """SIGTERM to the session now, SIGKILL to all when the grace is over; only the first call counts."""
        for child in self._running.values():
            if child.job.key == key and child.kill_at is None:
                child.kill_at = time.monotonic() + self._config.grace_seconds
                processes.send(processes.session_members(child.pid) | {child.pid}, signal.SIGTERM)

    def stop_all(self) -> None:
        for key in self.keys:
            self.stop(key)

    def kill_the_late(self) -> None:
        for child in self._running.values():
            if child.kill_at is not None and child.kill_at <= time.monotonic():
                processes.kill(child.pid, child.job.mark)
                processes.send({child.pid}, signal.SIGKILL)  # not yet in its own session
                child.kill_at = time.monotonic() + self._config.grace_seconds

    def look_after(self) -> None:
        """Now and then: logs that get too long are cut, and who uses more memory than it may is ended."""
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + _LOOK_AGAIN_SECONDS
        for child in self._running.values():
            long_logs.cut(child.job.log)
        limited = {
            pid: child.job.mark for pid, child in self._running.items() if child.job.memory_limit_bytes
        }
        for pid, family in (footprints.families(limited) if limited else {}).items():
            self._enforce_limit(self._running[pid], family)

    def _enforce_limit(self, child: Child, family: set[int]) -> None:
        limit = child.job.memory_limit_bytes
        if limit is not None and footprints.private_bytes(family) > limit:
            child.is_oom_killed = True
            processes.kill(child.pid, child.job.mark)

    def reap(self) -> None:
        """Wait for everything that has ended: attempts, orphans that this process inherited, sweepers."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._sweepers.discard(pid)
            self.preparations.bury(pid)
            child = self._running.pop(pid, None)
            if child is not None:
                self._finish(child, status, usage)

    def _finish(self, child: Child, status: int, usage: Any) -> None:
        self._end_the_rest(child)
        record = records.end_record(status, child.started_at, time.time(), usage)
        record["is_oom_killed"] = child.is_oom_killed and record["signal"] == signal.SIGKILL
        reason = self._reason_not_ours(child)
        if reason is not None:
            self._tell({"event": "returned", "key": child.job.key, "reason": reason})
            return
        self._save(child.job, record)
        self._tell({"event": "ended", "key": child.job.key, "record": record})
        self._sync(child.job, record)  # while the next attempt begins
        if names := reports.read(child.job):
            self.reports.append(names)
        short_paths.remove_link(child.job.env["TMPDIR"])
        self._sweepers |= sweeping.remove(child.job.work)

    def _end_the_rest(self, child: Child) -> None:
        """A pod ends with its main process, and so does an attempt: what it left in the background is killed.

        That has come to this process by now. Orphans of attempts that go on have come to those themselves.
        """
        if self._orphans() or not self._sees_orphans:
            processes.kill(child.pid, child.job.mark, self._orphans)

    def _orphans(self) -> set[int]:
        return processes.children() - set(self._running) - self._sweepers - self.preparations.pids

    def _reason_not_ours(self, child: Child) -> str | None:
        """A child that did not get the claim has run nothing; one that was stopped before is buried here."""
        claim = records.read_claim(child.job.folder)
        if claim is not None:
            return None if claim["pid"] == child.pid else "claimed"
        if child.kill_at is None:
            return "unclaimed"
        os.makedirs(child.job.folder, exist_ok=True)
        return None if records.claim(child.job.folder, records.TOMBSTONE) else "claimed"

    def _save(self, job: Job, record: dict[str, Any]) -> None:
        try:
            records.write_exit(job.folder, record, is_synced=False)
            self.unsaved.pop(job.key, None)
        except OSError:
            self.unsaved[job.key] = (job.folder, record)

    def _sync(self, job: Job, record: dict[str, Any]) -> None:
        try:
            records.sync_exit(job.folder)
        except OSError:
            self.unsaved[job.key] = (job.folder, record)

    def save_again(self) -> None:
        for key, (folder, record) in list(self.unsaved.items()):
            try:
                records.write_exit(folder, record)
                del self.unsaved[key]
            except OSError:
                return  # still full; asked again later
