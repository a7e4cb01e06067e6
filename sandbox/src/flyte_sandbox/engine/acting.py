"""Does what was decided, after the commit: processes, child executions, catalog.

Everything here is safe to do twice, because a crash between the commit and the act means that it is done
again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

from flyteidl.admin import execution_pb2
from flyteidl.core import tasks_pb2

from flyte_sandbox.admin.signals import read_value
from flyte_sandbox.blobs.store import Store
from flyte_sandbox.catalog import artifacts
from flyte_sandbox.db import executions as rows
from flyte_sandbox.db import signals
from flyte_sandbox.db.database import Database
from flyte_sandbox.db.times import from_micros
from flyte_sandbox.engine.alarms import Alarms
from flyte_sandbox.engine.arguments import ArgumentError
from flyte_sandbox.engine.attempts import AttemptPlanner
from flyte_sandbox.engine.caching import cache_key
from flyte_sandbox.engine.dynamics import DynamicError, compile_dynamic
from flyte_sandbox.engine.loading import Loader
from flyte_sandbox.engine.messages import (
    Act,
    Attempt,
    AttemptEnded,
    AttemptInterrupted,
    AttemptStarted,
    CacheLooked,
    ChildRefused,
    ChildStarted,
    LookUpCache,
    LookUpSignal,
    Message,
    Outcome,
    ResumeAttempt,
    SignalSet,
    Sleep,
    StartAttempt,
    StartChild,
    StopAttempt,
    TerminateChild,
    Woken,
)
from flyte_sandbox.engine.model import ExecutionId, Run
from flyte_sandbox.engine.outcomes import read_outcome
from flyte_sandbox.engine.slots import Slots
from flyte_sandbox.engine.step import system_error, user_error
from flyte_sandbox.errors import AlreadyExists, FailedPrecondition, NotFound, SandboxError
from flyte_sandbox.runner import AttemptExit, AttemptSpec

logger = logging.getLogger(__name__)

Post = Callable[[ExecutionId, Message], None]


class Runner(Protocol):
    def start(self, spec: AttemptSpec) -> None: ...

    def stop(self, key: str) -> None: ...

    def resume(self, specs: list[AttemptSpec]) -> None: ...


class Actor:
    """Its methods are called from the engine's thread, ``started`` and ``ended`` from the runner's.

    :param post: brings a message to the engine.
    :param max_nodes: how many nodes a dynamic workflow may have; 0 means no limit.
    """

    def __init__(
        self,
        db: Database,
        store: Store,
        loader: Loader,
        planner: AttemptPlanner,
        slots: Slots,
        alarms: Alarms,
        post: Post,
        create: Callable[[execution_pb2.ExecutionCreateRequest], object],
        terminate: Callable[[execution_pb2.ExecutionTerminateRequest], object],
        max_nodes: int = 0,
    ) -> None:
        self._db = db
        self._store = store
        self._loader = loader
        self._planner = planner
        self._slots = slots
        self._alarms = alarms
        self._post = post
        self._create = create
        self._terminate = terminate
        self._max_nodes = max_nodes
        self._runner: Runner | None = None
        self._attempts: dict[str, Attempt] = {}
        self._to_resume: list[AttemptSpec] = []
        self._to_order: list[AttemptSpec] | None = []
        self._to_stop: list[str] = []

    def use(self, runner: Runner) -> None:
        self._runner = runner

    def write_files(self, files: Mapping[str, bytes]) -> None:
        for uri, data in files.items():
            self._store.write(uri, data)

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        self._alarms.ring_in(seconds, call)

    def act(self, run: Run, act: Act) -> None:
        match act:
            case StartAttempt():
                self._start(act.attempt)
            case ResumeAttempt():
                self._plan_resume(act.attempt)
            case StopAttempt():
                self._stop(act.key)
            case LookUpCache():
                self._look_up(run.id, act)
            case LookUpSignal():
                self._look_up_signal(run.id, act)
            case Sleep():
                self._sleep(run.id, act)
            case StartChild():
                self._start_child(run, act)
            case TerminateChild():
                self._terminate_child(run.id, act)

    # ---- attempts

    def _start(self, attempt: Attempt) -> None:
        spec = self._plan(attempt)
        if spec is not None and self._slots.ask(spec):
            self._order(spec)

    def _plan(self, attempt: Attempt) -> AttemptSpec | None:
        self._attempts[attempt.key] = attempt
        refusal = _refuse(attempt.task)
        if refusal is None:
            try:
                return self._planner.plan(attempt)
            except ArgumentError as exc:
                refusal = str(exc)
        outcome = Outcome(error=user_error("FailedToBuildResource", refusal))
        self._finish(attempt, outcome)
        return None

    def _order(self, spec: AttemptSpec) -> None:
        assert self._runner is not None
        if self._to_order is None:
            self._runner.start(spec)
        else:
            # The runner stops what an earlier server started and nobody resumes, so resuming comes first.
            self._to_order.append(spec)

    def _plan_resume(self, attempt: Attempt) -> None:
        if self._planner.was_interrupted(attempt.key):
            self._post(attempt.execution, AttemptInterrupted(attempt.node_uid, attempt.attempt))
            return
        spec = self._plan(attempt)
        if spec is None:
            return
        if self._planner.was_claimed(attempt.key):
            self._slots.take(spec.key)
        elif not self._slots.ask(spec):
            return
        if self._to_order is None:
            # No restart: the run was read anew after a failed commit. Ordering again finds what runs or ran.
            self._order(spec)
        else:
            self._to_resume.append(spec)

    def resume_attempts(self) -> None:
        """Hand the runner all attempts of an earlier server at once; it stops whatever else it finds."""
        assert self._runner is not None
        self._runner.resume(self._to_resume)
        waiting, self._to_order, self._to_resume = self._to_order or [], None, []
        for spec in waiting:
            self._order(spec)
        for key in self._to_stop:
            self._runner.stop(key)

    def mark_interrupted(self) -> int:
        """Note on every attempt under way that it is ended by an orderly stop, so that it costs no retry.

        :return: how many there are.
        """
        keys = self._slots.taken()
        for key in keys:
            self._planner.mark_interrupted(key)
        return len(keys)

    def _stop(self, key: str) -> None:
        if self._slots.withdraw(key):
            attempt = self._attempts[key]
            self._finish(attempt, Outcome(error=system_error("Interrupted", "stopped before it began")))
            return
        assert self._runner is not None
        if self._to_order is None:
            self._runner.stop(key)
        else:
            # The runner knows the attempt only once it is resumed.
            self._to_stop.append(key)

    def started(self, key: str, at: datetime) -> None:
        """The runner has a process for this attempt."""
        attempt = self._attempts.get(key)
        if attempt is not None:
            notes = tuple(self._planner.notes(attempt))
            self._post(attempt.execution, AttemptStarted(attempt.node_uid, attempt.attempt, at, notes))

    def ended(self, exit: AttemptExit) -> None:
        """The runner's process has ended; reading what it left behind is done here, off the engine's
        thread.
        """
        attempt = self._attempts.get(exit.key)
        if attempt is None:
            logger.warning("attempt %s ended, but nobody waits for it", exit.key)
            return
        try:
            folder = self._planner.outputs_folder(exit.key)
            outcome = read_outcome(exit, folder, attempt.task, self._store)
        except OSError as exc:
            logger.exception("reading what attempt %s left failed", exit.key)
            error = system_error("OutputsUnreadable", f"what the task left cannot be read: {exc}")
            outcome = Outcome(error=error, is_recoverable=True)
        self._finish(attempt, self._with_dynamic(attempt, outcome))
        self._release(exit.key)

    def _with_dynamic(self, attempt: Attempt, outcome: Outcome) -> Outcome:
        if outcome.futures is None:
            return outcome
        try:
            closure = compile_dynamic(self._db, attempt, outcome.futures, self._max_nodes)
        except DynamicError as exc:
            return Outcome(error=exc.error, deck=outcome.deck)
        return dataclasses.replace(outcome, dynamic=closure)

    def _finish(self, attempt: Attempt, outcome: Outcome) -> None:
        self._attempts.pop(attempt.key, None)
        self._post(attempt.execution, AttemptEnded(attempt.node_uid, attempt.attempt, outcome))

    def _release(self, key: str) -> None:
        for spec in self._slots.release(key):
            self._order(spec)

    def forget(self, id: ExecutionId) -> None:
        """An execution has ended: whatever is still noted for it goes."""
        mine = [key for key, attempt in self._attempts.items() if attempt.execution == id]
        for key in mine:
            del self._attempts[key]

    def abandon(self, id: ExecutionId) -> None:
        """Stop whatever runs for an execution that failed without its nodes' consent."""
        for key in [key for key, attempt in self._attempts.items() if attempt.execution == id]:
            self._stop(key)
        self.forget(id)

    # ---- catalog

    def _look_up(self, id: ExecutionId, act: LookUpCache) -> None:
        with self._db.read() as connection:
            found = artifacts.get(connection, cache_key(act.task, act.inputs))
        answer = CacheLooked(act.node_uid, *found) if found else CacheLooked(act.node_uid)
        self._post(id, answer)

    # ---- gates

    def _look_up_signal(self, id: ExecutionId, act: LookUpSignal) -> None:
        with self._db.read() as connection:
            value = read_value(signals.get(connection, act.id))
        if value is not None:
            self._post(id, SignalSet(act.id.signal_id, value, act.node_uid))

    def _sleep(self, id: ExecutionId, act: Sleep) -> None:
        """The time counts from the gate's beginning, so a restart does not prolong it."""
        uid = act.node_execution.node_id
        with self._db.read() as connection:
            row = rows.get_node(connection, act.node_execution)
        assert row is not None
        wake_at = from_micros(row.started_at) + act.duration
        self._alarms.ring_at(wake_at, lambda: self._post(id, Woken(uid)))

    # ---- child executions

    def _start_child(self, run: Run, act: StartChild) -> None:
        try:
            self._create(_child_request(run, act))
        except AlreadyExists:
            pass  # An earlier server got this far.
        except SandboxError as exc:
            self._post(run.id, ChildRefused(act.node_uid, user_error("RuntimeExecutionError", exc.message)))
            return
        self._post(run.id, ChildStarted(act.node_uid))
        child = ExecutionId(project=run.id.project, domain=run.id.domain, name=act.name)
        end = self._loader.ending(child, act.node_uid)
        if end is not None:
            self._post(run.id, end)

    def _terminate_child(self, parent: ExecutionId, act: TerminateChild) -> None:
        child = ExecutionId(project=parent.project, domain=parent.domain, name=act.name)
        # It may never have been created, or have ended by itself.
        with contextlib.suppress(NotFound, FailedPrecondition):
            self._terminate(execution_pb2.ExecutionTerminateRequest(id=child, cause=act.cause))


def _refuse(task: tasks_pb2.TaskTemplate) -> str | None:
    """Why a task cannot be run here, if it cannot."""
    if task.WhichOneof("target") != "container":
        return (
            f"Task '{task.id.name}' of type '{task.type}' has no container to run; "
            "connectors and pod templates are not there yet in this sandbox."
        )
    if task.container.data_config.enabled:
        return (
            f"Task '{task.id.name}' is a raw container, which needs images; this sandbox runs Python tasks."
        )
    return None


def _child_request(run: Run, act: StartChild) -> execution_pb2.ExecutionCreateRequest:
    """A child inherits its parent's launch options."""
    parent = run.spec
    metadata = execution_pb2.ExecutionMetadata(
        mode=execution_pb2.ExecutionMetadata.CHILD_WORKFLOW, parent_node_execution=act.node_execution
    )
    spec = execution_pb2.ExecutionSpec(
        launch_plan=act.launch_plan,
        metadata=metadata,
        max_parallelism=parent.max_parallelism,
        overwrite_cache=parent.overwrite_cache,
    )
    for name in (
        "labels",
        "annotations",
        "envs",
        "security_context",
        "raw_output_data_config",
        "interruptible",
    ):
        if parent.HasField(name):
            getattr(spec, name).CopyFrom(getattr(parent, name))
    return execution_pb2.ExecutionCreateRequest(
        project=run.id.project, domain=run.id.domain, name=act.name, spec=spec, inputs=act.inputs
    )
