"""The one thread that decides.

Others post messages. The thread takes all that have come, decides, writes files, commits one transaction,
and only then acts: orders and stops processes, creates and ends child executions, looks into the catalog.
A commit that fails throws the in-memory run away; it is rebuilt from its rows and goes on from there.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from datetime import datetime

from flyteidl.core import execution_pb2 as core_execution_pb2
from flyteidl.core import literals_pb2
from flyteidl.event import event_pb2

from flyte_sandbox.clock import Clock
from flyte_sandbox.db.database import Database
from flyte_sandbox.db.times import to_timestamp
from flyte_sandbox.engine.acting import Actor
from flyte_sandbox.engine.deciding.decide import decide, flush
from flyte_sandbox.engine.deciding.step import Step
from flyte_sandbox.engine.failures import system_error
from flyte_sandbox.engine.loading import Loader
from flyte_sandbox.engine.messages import (
    AttemptStarted,
    Begin,
    Ended,
    Message,
    RowsChanged,
    SignalSet,
    Terminate,
)
from flyte_sandbox.engine.model import ExecutionId, Run
from flyte_sandbox.engine.records import write_records
from flyte_sandbox.errors import passes
from flyte_sandbox.phases import WORKFLOW

logger = logging.getLogger(__name__)

Key = tuple[str, str, str]
_MAX_BATCH = 500
_RETRY_SECONDS = 1.0
_MAX_FAILURES = 10
"""Rounds in a row that may fail for one execution. Source: propeller's MaxWorkflowRetries."""


class Engine:
    """:param on_ended: told the id of every execution that has ended, after the commit, from the engine's
    thread.
    """

    def __init__(
        self,
        db: Database,
        clock: Clock,
        loader: Loader,
        on_ended: Callable[[ExecutionId], None],
        log_url: Callable[[ExecutionId, str, int], str],
    ) -> None:
        self._db = db
        self._clock = clock
        self._loader = loader
        self._on_ended = on_ended
        self._log_url = log_url
        self._inbox: queue.SimpleQueue[tuple[ExecutionId, Message] | None] = queue.SimpleQueue()
        self._runs: dict[Key, Run] = {}
        self._failures: dict[Key, int] = {}
        self._actor: Actor | None = None
        self._thread = threading.Thread(target=self._work, name="engine", daemon=True)

    # ---- called from other threads

    def post(self, id: ExecutionId, message: Message) -> None:
        self._inbox.put((id, message))

    def post_later(self, id: ExecutionId) -> None:
        """Look at the execution again in a moment, from its rows."""
        assert self._actor is not None
        self._actor.later(_RETRY_SECONDS, lambda: self.post(id, Begin()))

    def created(self, id: ExecutionId) -> None:
        self.post(id, Begin())

    def terminated(self, id: ExecutionId) -> None:
        self.post(id, Terminate())

    def changed(self, id: ExecutionId) -> None:
        """Somebody outside of the engine has written events of the execution."""
        self.post(id, RowsChanged())

    def signalled(self, id: ExecutionId, signal_id: str, value: literals_pb2.Literal) -> None:
        self.post(id, SignalSet(signal_id, value))

    def start(self, actor: Actor) -> None:
        """Begin to work, going on first with what an earlier server left unfinished."""
        self._actor = actor
        self._resume_all()
        self._thread.start()

    def close(self) -> None:
        """Ends the thread after the batch at hand; nothing is lost, the rows say how to go on."""
        self._inbox.put(None)
        if self._thread.is_alive():
            self._thread.join()

    # ---- the thread

    def _work(self) -> None:
        while True:
            batch = self._next_batch()
            if batch is None:
                return
            try:
                self.tick(batch)
            except Exception:
                # Acting failed. The rows are written, so those executions go on when they are read anew.
                logger.exception("a round of the engine failed")
                for id in {_key(id): id for id, _ in batch}.values():
                    self._runs.pop(_key(id), None)
                    self.post_later(id)

    def _next_batch(self) -> list[tuple[ExecutionId, Message]] | None:
        """Waits for one message and takes those that have come with it."""
        batch: list[tuple[ExecutionId, Message]] = []
        item = self._inbox.get()
        while item is not None:
            batch.append(item)
            if len(batch) == _MAX_BATCH or self._inbox.empty():
                return batch
            item = self._inbox.get()
        if batch:
            self._inbox.put(None)  # so that the end is found again after these
        return batch or None

    def tick(self, batch: list[tuple[ExecutionId, Message]]) -> None:
        """One round without any thread: decide, write, commit, act."""
        now = self._clock.now()
        steps: dict[Key, Step] = {}
        for id, message in batch:
            self._decide(steps, id, message, now)
        for step in steps.values():
            flush(step)
        done = [step for step in steps.values() if self._commit(step, now)]
        for step in done:
            self._act(step)

    def _decide(self, steps: dict[Key, Step], id: ExecutionId, message: Message, now: datetime) -> None:
        key = _key(id)
        try:
            if isinstance(message, RowsChanged):
                # What was decided in this round is not written yet; the rows bring it up again.
                self._runs.pop(key, None)
                steps.pop(key, None)
            run = self._runs.get(key) or self._load(id)
            if run is None:
                self._ended_outside(id, message)
                return
            step = steps.setdefault(key, Step(run, now))
            decide(step, message, self._log_links(id, message))
        except Exception as exc:  # noqa: BLE001  # logged where it is tried again
            # Only this execution suffers. It is rebuilt from its rows and goes on from there.
            steps.pop(key, None)
            self._try_again(id, exc, f"deciding on {type(message).__name__}")

    def _load(self, id: ExecutionId) -> Run | None:
        run = self._loader.load(id)
        if run is not None:
            self._runs[_key(id)] = run
        return run

    def _log_links(self, id: ExecutionId, message: Message) -> list[core_execution_pb2.TaskLog]:
        if not isinstance(message, AttemptStarted):
            return []
        uri = self._log_url(id, message.node_uid, message.attempt)
        log = core_execution_pb2.TaskLog(
            uri=uri, name="Logs", message_format=core_execution_pb2.TaskLog.UNKNOWN
        )
        return [log]

    def _commit(self, step: Step, now: datetime) -> bool:
        assert self._actor is not None
        decision = step.decision
        try:
            self._actor.write_files(decision.files)
            if decision.records:
                with self._db.write() as connection:
                    write_records(connection, decision.records, now)
        except Exception as exc:  # noqa: BLE001  # logged where it is tried again
            self._try_again(step.run.id, exc, "writing down")
            return False
        self._failures.pop(_key(step.run.id), None)
        return True

    def _try_again(self, id: ExecutionId, exc: Exception, what: str) -> None:
        """Forget what is in memory and go on from the rows in a moment; after too many times give up.

        A full disk or a locked database is waited for, however long it takes.
        """
        self._runs.pop(_key(id), None)
        if passes(exc):
            logger.warning("execution %s waits, %s failed: %s", id.name, what, exc)
        else:
            logger.error("execution %s is read anew, %s failed", id.name, what, exc_info=exc)
            self._failures[_key(id)] = self._failures.get(_key(id), 0) + 1
        if self._failures.get(_key(id), 0) <= _MAX_FAILURES:
            self.post_later(id)
        else:
            self._give_up(id, exc)

    def _give_up(self, id: ExecutionId, exc: Exception) -> None:
        """The execution cannot be brought forward any more: it fails with what stopped it."""
        assert self._actor is not None
        del self._failures[_key(id)]
        text = f"max number of system retry attempts [{_MAX_FAILURES}/{_MAX_FAILURES}] exhausted. Last: {exc}"
        now = self._clock.now()
        event = event_pb2.WorkflowExecutionEvent(
            execution_id=id,
            phase=WORKFLOW.FAILED,
            occurred_at=to_timestamp(now),
            error=system_error("RetriesExhausted", text),
        )
        try:
            with self._db.write() as connection:
                write_records(connection, [event], now)
        except Exception:
            logger.exception("execution %s cannot even be failed; it is tried again", id.name)
            self.post_later(id)
            return
        self._actor.orders.abandon(id)
        self._forget(id)

    def _act(self, step: Step) -> None:
        assert self._actor is not None
        for act in step.decision.acts:
            if isinstance(act, Ended):
                self._end(step.run)
            else:
                self._actor.act(step.run, act)

    def _end(self, run: Run) -> None:
        self._runs.pop(_key(run.id), None)
        self._forget(run.id)

    def _ended_outside(self, id: ExecutionId, message: Message) -> None:
        """Somebody else has written the execution's end: what runs for it runs for nothing."""
        if isinstance(message, RowsChanged):
            assert self._actor is not None
            self._actor.orders.abandon(id)
            self._forget(id)

    def _forget(self, id: ExecutionId) -> None:
        assert self._actor is not None
        self._actor.forget(id)
        self._on_ended(id)
        for parent, message in self._loader.parents_to_tell(id):
            self.post(parent, message)

    def _resume_all(self) -> None:
        ids = self._loader.unfinished()
        self.tick([(id, Begin()) for id in ids])
        assert self._actor is not None
        self._actor.orders.resume_all()


def _key(id: ExecutionId) -> Key:
    return id.project, id.domain, id.name
