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

from flyte_sandbox.clock import Clock
from flyte_sandbox.db.database import Database
from flyte_sandbox.engine.acting import Actor
from flyte_sandbox.engine.decide import decide
from flyte_sandbox.engine.loading import Loader
from flyte_sandbox.engine.messages import AttemptStarted, Begin, Ended, Message, Terminate
from flyte_sandbox.engine.model import ExecutionId, Run
from flyte_sandbox.engine.records import write_records
from flyte_sandbox.engine.step import Step

logger = logging.getLogger(__name__)

Key = tuple[str, str, str]
_MAX_BATCH = 500
_RETRY_SECONDS = 1.0


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
        self._actor: Actor | None = None
        self._thread = threading.Thread(target=self._work, name="engine", daemon=True)

    # ---- called from other threads

    def post(self, id: ExecutionId, message: Message) -> None:
        self._inbox.put((id, message))

    def created(self, id: ExecutionId) -> None:
        self.post(id, Begin())

    def terminated(self, id: ExecutionId) -> None:
        self.post(id, Terminate())

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
            self.tick(batch)

    def _next_batch(self) -> list[tuple[ExecutionId, Message]] | None:
        """Waits for one message and takes those that have come with it."""
        batch: list[tuple[ExecutionId, Message]] = []
        item = self._inbox.get()
        while item is not None:
            batch.append(item)
            if len(batch) == _MAX_BATCH or self._inbox.empty():
                return batch
            item = self._inbox.get()
        return batch or None

    def tick(self, batch: list[tuple[ExecutionId, Message]]) -> None:
        """One round without any thread: decide, write, commit, act."""
        now = self._clock.now()
        steps: dict[Key, Step] = {}
        for id, message in batch:
            self._decide(steps, id, message, now)
        done = [step for step in steps.values() if self._commit(step, now)]
        for step in done:
            self._act(step)

    def _decide(self, steps: dict[Key, Step], id: ExecutionId, message: Message, now: datetime) -> None:
        key = _key(id)
        try:
            run = self._runs.get(key) or self._load(id)
            if run is None:
                return
            step = steps.setdefault(key, Step(run, now))
            decide(step, message, self._log_links(id, message))
        except Exception:
            # Only this execution suffers. It is rebuilt from its rows with the next message.
            logger.exception("deciding about execution %s failed on %s", id.name, type(message).__name__)
            steps.pop(key, None)
            self._runs.pop(key, None)

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
        except Exception:
            logger.exception(
                "writing down execution %s failed; it is read anew and goes on", step.run.id.name
            )
            self._runs.pop(_key(step.run.id), None)
            self._actor.later(_RETRY_SECONDS, lambda: self.post(step.run.id, Begin()))
            return False
        return True

    def _act(self, step: Step) -> None:
        assert self._actor is not None
        for act in step.decision.acts:
            if isinstance(act, Ended):
                self._end(step.run)
            else:
                self._actor.act(step.run, act)

    def _end(self, run: Run) -> None:
        assert self._actor is not None
        self._runs.pop(_key(run.id), None)
        self._actor.forget(run.id)
        self._on_ended(run.id)
        for parent, message in self._loader.parents_to_tell(run.id):
            self.post(parent, message)

    def _resume_all(self) -> None:
        ids = self._loader.unfinished()
        self.tick([(id, Begin()) for id in ids])
        assert self._actor is not None
        self._actor.resume_attempts()


def _key(id: ExecutionId) -> Key:
    return id.project, id.domain, id.name
