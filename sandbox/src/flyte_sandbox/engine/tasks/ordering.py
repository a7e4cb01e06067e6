"""Orders attempts from the runner, as many at once as there is room for, and tells the engine how they go.

Everything here is safe to do twice: an attempt is claimed once, however often it is ordered.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TypeVar

from flyteidl.core import identifier_pb2

from flyte_sandbox.blobs.store import Store
from flyte_sandbox.db.database import Database
from flyte_sandbox.engine.failures import system_error, user_error
from flyte_sandbox.engine.messages import (
    Attempt,
    AttemptEnded,
    AttemptInterrupted,
    AttemptStarted,
    AttemptWaiting,
    Message,
    Outcome,
)
from flyte_sandbox.engine.model import ExecutionError, ExecutionId
from flyte_sandbox.engine.resources.claims import Claim, waiting_reason
from flyte_sandbox.engine.resources.rationing import Rationing
from flyte_sandbox.engine.resources.slots import Slots
from flyte_sandbox.engine.tasks.arguments import ArgumentError
from flyte_sandbox.engine.tasks.attempts import AttemptPlanner
from flyte_sandbox.engine.tasks.dynamics import DynamicError, compile_dynamic
from flyte_sandbox.engine.tasks.outcomes import read_deck, read_outcome
from flyte_sandbox.errors import PASSING
from flyte_sandbox.runner import AttemptExit, AttemptSpec

logger = logging.getLogger(__name__)

T = TypeVar("T")

Post = Callable[[ExecutionId, Message], None]


class Runner(Protocol):
    def start(self, spec: AttemptSpec) -> None: ...

    def prepare(self, spec: AttemptSpec) -> None: ...

    def stop(self, key: str) -> None: ...

    def resume(self, specs: list[AttemptSpec]) -> None: ...


class Orders:
    """``started`` and ``ended`` are called from the runner's thread, all else from the engine's.

    :param rationing: says what each attempt may have of this machine.
    :param post: brings a message to the engine.
    :param max_nodes: how many nodes a dynamic workflow may have; 0 means no limit.
    """

    def __init__(
        self,
        db: Database,
        store: Store,
        planner: AttemptPlanner,
        rationing: Rationing,
        post: Post,
        max_nodes: int = 0,
    ) -> None:
        self._db = db
        self._store = store
        self._planner = planner
        self._rationing = rationing
        self._slots = Slots(rationing.capacity)
        self._post = post
        self._max_nodes = max_nodes
        self._runner: Runner | None = None
        self._attempts: dict[str, Attempt] = {}
        self._before_resume = _BeforeResume()

    def use(self, runner: Runner) -> None:
        self._runner = runner

    # ---- beginning

    def start(self, attempt: Attempt) -> None:
        self._attempts[attempt.key] = attempt
        claim = self._claim(attempt)
        if claim is not None and self._ask(attempt, claim):
            self._begin(attempt)

    def _ask(self, attempt: Attempt, claim: Claim) -> bool:
        """:return: whether there is room for it now; else it waits, and that is said."""
        begun = self._slots.ask(attempt, claim)
        others = [each for each in begun if each is not attempt]
        self._begin_all(others)
        if len(others) < len(begun):
            return True
        if self._rationing.tells_who_waits:
            reason = waiting_reason(claim)
            self._post(attempt.execution, AttemptWaiting(attempt.node_uid, attempt.attempt, reason))
        return False

    def _claim(self, attempt: Attempt) -> Claim | None:
        """:return: None when it will never be run, and has been ended."""
        try:
            refusal = self._rationing.refusal(attempt)
            claim = self._rationing.claim(attempt)
        except ValueError as exc:
            error = user_error("BadTaskFormat", f"the resources of task '{attempt.task.id.name}': {exc}")
        else:
            if refusal is None:
                return claim
            error = user_error("ResourceRequestsExceedLimits", refusal)
        self._finish(attempt, Outcome(error=error))
        return None

    def _begin_all(self, attempts: list[Attempt]) -> None:
        for attempt in attempts:
            self._begin(attempt)

    def _begin(self, attempt: Attempt) -> None:
        """It has its slot: write its files and order it, or give the slot back."""
        spec = self._plan(attempt)
        if spec is not None:
            self._order(spec)

    def _plan(self, attempt: Attempt) -> AttemptSpec | None:
        try:
            limit = self._rationing.memory_limit_bytes(attempt)
            return dataclasses.replace(self._planner.plan(attempt), memory_limit_bytes=limit)
        except ArgumentError as exc:
            self._give_up(attempt, user_error("FailedToBuildResource", str(exc)), is_recoverable=False)
        except OSError as exc:
            # A full disk, for one: worth another try, within the system's budget.
            logger.exception("preparing attempt %s failed", attempt.key)
            self._give_up(
                attempt, system_error("Interrupted", f"the attempt could not be prepared: {exc}"), True
            )
        return None

    def _give_up(self, attempt: Attempt, error: ExecutionError, is_recoverable: bool) -> None:
        self._finish(attempt, Outcome(error=error, is_recoverable=is_recoverable))
        self._release(attempt.key)

    def _order(self, spec: AttemptSpec) -> None:
        assert self._runner is not None
        if not self._before_resume.keep_order(spec):
            self._runner.start(spec)

    def prepare(self, attempt: Attempt) -> None:
        """Have its code loaded while the one attempt under way runs; with more there is other work to do."""
        if len(self._attempts) > 1 or not self._before_resume.is_open:
            return
        spec = self._planner.plan_ahead(attempt)
        if spec is not None:
            assert self._runner is not None
            self._runner.prepare(spec)

    # ---- going on after a restart

    def resume(self, attempt: Attempt) -> None:
        """Pick up an attempt that was ordered before; or order it, if it never came to that."""
        if self._planner.was_interrupted(attempt.key):
            self._post(attempt.execution, AttemptInterrupted(attempt.node_uid, attempt.attempt))
            return
        self._attempts[attempt.key] = attempt
        claim = self._claim(attempt)
        if claim is None:
            return
        if self._planner.was_claimed(attempt.key):
            self._slots.take(attempt.key, claim)
        elif not self._ask(attempt, claim):
            return
        spec = self._plan(attempt)
        if spec is not None and not self._before_resume.keep_resumed(spec):
            # No restart: the run was read anew after a failed commit. Ordering again finds what runs or ran.
            self._order(spec)

    def resume_all(self) -> None:
        """Hand the runner all attempts of an earlier server at once; it stops whatever else it finds."""
        assert self._runner is not None
        resumed, ordered, stopped = self._before_resume.open()
        self._runner.resume(resumed)
        for spec in ordered:
            self._runner.start(spec)
        for key in stopped:
            self._runner.stop(key)

    # ---- what the runner tells

    def started(self, key: str, at: datetime) -> None:
        """The runner has a process for this attempt."""
        attempt = self._attempts.get(key)
        if attempt is not None:
            notes = (*self._planner.notes(attempt), *self._rationing.notes(attempt))
            self._post(attempt.execution, AttemptStarted(attempt.node_uid, attempt.attempt, at, notes))

    def ended(self, exit: AttemptExit) -> None:
        """The runner's process has ended. What it left behind is read here, off the engine's thread."""
        attempt = self._attempts.get(exit.key)
        if attempt is None:
            logger.warning("attempt %s ended, but nobody waits for it", exit.key)
            return
        self._finish(attempt, self._with_dynamic(attempt, self._read(attempt, exit)))
        self._release(exit.key)

    def _read(self, attempt: Attempt, exit: AttemptExit) -> Outcome:
        try:
            folder = self._planner.attempt_folder(exit.key)
            return read_outcome(exit, folder, attempt.task, self._store, attempt.raw_output_prefix)
        except OSError as exc:
            logger.exception("reading what attempt %s left failed", exit.key)
            error = system_error("OutputsUnreadable", f"what the task left cannot be read: {exc}")
            return Outcome(error=error, is_recoverable=True)

    def _with_dynamic(self, attempt: Attempt, outcome: Outcome) -> Outcome:
        if outcome.futures is None:
            return outcome
        try:
            closure = compile_dynamic(self._db, attempt, outcome.futures, self._max_nodes)
        except DynamicError as exc:
            return Outcome(error=exc.error, deck=outcome.deck)
        except PASSING as exc:
            logger.warning("reading the entities that attempt %s uses failed: %s", attempt.key, exc)
            error = system_error("OutputsUnreadable", f"what the task left cannot be compiled: {exc}")
            return Outcome(error=error, is_recoverable=True)
        return dataclasses.replace(outcome, dynamic=closure)

    def _finish(self, attempt: Attempt, outcome: Outcome) -> None:
        self._attempts.pop(attempt.key, None)
        self._post(attempt.execution, AttemptEnded(attempt.node_uid, attempt.attempt, outcome))

    def _release(self, key: str) -> None:
        self._begin_all(self._slots.release(key))

    def publish_deck(self, id: identifier_pb2.NodeExecutionIdentifier, uri: str) -> None:
        """Put what a running task's deck holds so far where its link leads; from any thread."""
        for attempt in list(self._attempts.values()):
            if attempt.execution == id.execution_id and attempt.node_uid == id.node_id:
                self._publish_deck(attempt.key, uri)
                if attempt.key not in self._attempts:
                    self._publish_deck(attempt.key, uri)  # else a part might replace the whole

    def _publish_deck(self, key: str, uri: str) -> None:
        deck = read_deck(self._planner.attempt_folder(key), self._store)
        if deck is not None:
            self._store.write(uri, deck)

    # ---- ending

    def stop(self, key: str) -> None:
        others = self._slots.withdraw(key)
        if others is not None:
            error = system_error("Interrupted", "stopped before it began")
            self._finish(self._attempts[key], Outcome(error=error))
            self._begin_all(others)
            return
        assert self._runner is not None
        if not self._before_resume.keep_stop(key):
            self._runner.stop(key)

    def abandon(self, id: ExecutionId) -> None:
        """Stop whatever runs for an execution that failed without its nodes' consent."""
        for key in self._keys_of(id):
            self.stop(key)
        self.forget(id)

    def forget(self, id: ExecutionId) -> None:
        """An execution has ended: whatever is still noted for it goes."""
        for key in self._keys_of(id):
            self._attempts.pop(key, None)

    def _keys_of(self, id: ExecutionId) -> list[str]:
        return [key for key, attempt in list(self._attempts.items()) if attempt.execution == id]

    def mark_interrupted(self) -> int:
        """Note on every attempt under way that it is ended by an orderly stop, so that it costs no retry.

        :return: how many there are.
        """
        keys = self._slots.taken()
        for key in keys:
            self._planner.mark_interrupted(key)
        return len(keys)


class _BeforeResume:
    """Until the runner has resumed an earlier server's attempts, everything for it is kept here.

    The runner stops what it finds and nobody resumes, and knows nothing to stop before it has resumed.
    """

    def __init__(self) -> None:
        self.is_open = False
        self._resumed: list[AttemptSpec] = []
        self._ordered: list[AttemptSpec] = []
        self._stopped: list[str] = []

    def keep_resumed(self, spec: AttemptSpec) -> bool:
        return self._keep(self._resumed, spec)

    def keep_order(self, spec: AttemptSpec) -> bool:
        return self._keep(self._ordered, spec)

    def keep_stop(self, key: str) -> bool:
        return self._keep(self._stopped, key)

    def _keep(self, kept: list[T], one: T) -> bool:
        """:return: whether it was kept, instead of being for the runner at once."""
        if not self.is_open:
            kept.append(one)
        return not self.is_open

    def open(self) -> tuple[list[AttemptSpec], list[AttemptSpec], list[str]]:
        """:return: what to resume, then to start, then to stop."""
        self.is_open = True
        return self._resumed, self._ordered, self._stopped
