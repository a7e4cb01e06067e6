"""The thread that launches what falls due, and sleeps until then.

A row per active launch plan with a schedule says up to which time it has been launched. After a stop, a kill
or a machine's sleep everything since then is launched, oldest first. Launching comes before the row is moved
on: a crash between the two asks for the same execution again, under the same name, which exists.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from flyteidl.admin import execution_pb2, launch_plan_pb2

from flyte_sandbox.admin.launch_plans import to_message
from flyte_sandbox.clock import Clock
from flyte_sandbox.compiler.prototext import one_line
from flyte_sandbox.db import schedules
from flyte_sandbox.db.database import Database
from flyte_sandbox.db.times import from_micros, to_micros
from flyte_sandbox.errors import PASSING, AlreadyExists, SandboxError
from flyte_sandbox.scheduler.requests import launch_request
from flyte_sandbox.scheduler.times import next_time

logger = logging.getLogger(__name__)

_RETRY_SECONDS = 1.0
_LONGEST_RETRY_SECONDS = 60.0


@dataclass
class _Scheduled:
    """A launch plan and the time that comes next.

    :param key: its row.
    :param due: None when it never falls due again.
    :param not_before: when a launch that failed for a reason of ours is tried again.
    """

    key: int
    plan: launch_plan_pb2.LaunchPlan
    due: datetime | None
    not_before: datetime | None = None
    failures: int = 0

    def wake_at(self) -> datetime | None:
        return self.not_before or self.due

    def go_on(self) -> None:
        assert self.due is not None
        self.due = next_time(self.plan.spec.entity_metadata.schedule, self.due)
        self.not_before, self.failures = None, 0

    def try_later(self, now: datetime) -> None:
        seconds = min(_RETRY_SECONDS * 2**self.failures, _LONGEST_RETRY_SECONDS)
        self.not_before, self.failures = now + timedelta(seconds=seconds), min(self.failures + 1, 10)


class Scheduler:
    """``start`` and ``close`` once each.

    :param create: launches an execution, as CreateExecution does.
    """

    def __init__(
        self, db: Database, clock: Clock, create: Callable[[execution_pb2.ExecutionCreateRequest], object]
    ) -> None:
        self._db = db
        self._clock = clock
        self._create = create
        self._changed = threading.Condition()
        self._is_stale = True
        self._is_closed = False
        self._is_launching = False
        self._launches = 0
        self._scheduled: list[_Scheduled] = []
        self._thread = threading.Thread(target=self._work, name="scheduler", daemon=True)

    def start(self) -> None:
        """Begins with what fell due while nobody looked."""
        self._thread.start()

    def close(self) -> None:
        """Returns after the launch at hand. Safe to call twice, and without ``start``."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()

    def changed(self) -> None:
        """Some schedule was made active or inactive, and that is committed.

        When this returns, nothing is launched any more that was made inactive. Called from any thread but
        the scheduler's.
        """
        with self._changed:
            self._is_stale = True
            self._changed.notify_all()
            seen = self._launches
            self._changed.wait_for(lambda: not self._is_launching or self._launches > seen)

    # ---- the thread

    def _work(self) -> None:
        while (one := self._next()) is not None:
            self._launch(one)
            with self._changed:
                self._is_launching = False
                self._launches += 1
                self._changed.notify_all()

    def _next(self) -> _Scheduled | None:
        """Waits until something is due; it counts as being launched from then on."""
        with self._changed:
            while not self._is_closed:
                if self._is_stale and not self._reload():
                    continue
                now, first = self._clock.now(), self._first()
                if first is not None and _wake_at(first) <= now:
                    self._is_launching = True
                    return first
                self._clock.wait(self._changed, _wake_at(first) if first else None)
        return None

    def _first(self) -> _Scheduled | None:
        return min((one for one in self._scheduled if one.due), key=_wake_at, default=None)

    def _reload(self) -> bool:
        """:return: whether the rows could be read; after a while, if not."""
        self._is_stale = False
        try:
            with self._db.read() as connection:
                rows = schedules.list_active(connection)
            self._scheduled = [_scheduled(row.id, to_message(row), row.done_until) for row in rows]
        except Exception:
            logger.exception("reading the schedules failed; it is tried again")
            self._is_stale = True
            self._clock.wait(self._changed, self._clock.now() + timedelta(seconds=_RETRY_SECONDS))
            return False
        return True

    def _launch(self, one: _Scheduled) -> None:
        assert one.due is not None
        try:
            self._create_once(one.plan, one.due)
            with self._db.write() as connection:
                schedules.advance(connection, one.key, to_micros(one.due))
        except Exception:
            # The database is locked, the disk is full: only this schedule waits, and no time of it is lost.
            logger.exception("launching %s for %s failed; it is tried again", one_line(one.plan.id), one.due)
            one.try_later(self._clock.now())
            return
        one.go_on()

    def _create_once(self, plan: launch_plan_pb2.LaunchPlan, due: datetime) -> None:
        try:
            self._create(launch_request(plan, due))
        except AlreadyExists as exc:
            # Launched before a crash, or skipped by the plan's concurrency policy.
            logger.info("nothing launched for %s at %s: %s", one_line(plan.id), due, exc.message)
        except PASSING:
            raise
        except SandboxError as exc:
            # It would be refused again: a required input, a project that is not active.
            logger.error("schedule of %s: nothing launched for %s: %s", one_line(plan.id), due, exc.message)


def _wake_at(one: _Scheduled) -> datetime:
    moment = one.wake_at()
    assert moment is not None
    return moment


def _scheduled(key: int, plan: launch_plan_pb2.LaunchPlan, done_until: int) -> _Scheduled:
    return _Scheduled(key, plan, next_time(plan.spec.entity_metadata.schedule, from_micros(done_until)))
