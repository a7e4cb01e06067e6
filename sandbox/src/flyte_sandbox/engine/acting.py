"""Does what was decided, after the commit: processes, child executions, catalog.

Everything here is safe to do twice, because a crash between the commit and the act means that it is done
again.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping

from flyteidl.admin import execution_pb2

from flyte_sandbox.admin.signals import read_value
from flyte_sandbox.blobs.store import Store
from flyte_sandbox.db import executions as rows
from flyte_sandbox.db import signals
from flyte_sandbox.db.database import Database
from flyte_sandbox.db.times import from_micros
from flyte_sandbox.engine.alarms import Alarms
from flyte_sandbox.engine.caching.lookups import CacheLookups
from flyte_sandbox.engine.failures import user_error
from flyte_sandbox.engine.loading import Loader
from flyte_sandbox.engine.messages import (
    Act,
    Attempt,
    ChildRefused,
    ChildStarted,
    DeadlinePassed,
    LookUpCache,
    LookUpRecovery,
    LookUpSignal,
    PrepareAttempt,
    RecoveryLooked,
    ReleaseReservation,
    ResumeAttempt,
    SetDeadline,
    SignalSet,
    Sleep,
    StartAttempt,
    StartChild,
    StopAttempt,
    TerminateChild,
    Woken,
)
from flyte_sandbox.engine.model import ExecutionId, Run
from flyte_sandbox.engine.tasks.ordering import Orders, Post
from flyte_sandbox.engine.tasks.sleeping import TASK_TYPE as CORE_SLEEP
from flyte_sandbox.engine.tasks.sleeping import Sleeper
from flyte_sandbox.errors import PASSING, AlreadyExists, FailedPrecondition, NotFound, SandboxError

logger = logging.getLogger(__name__)


class Actor:
    """Its methods are called from the engine's thread.

    :param sleeper: runs what needs no process.
    :param post: brings a message to the engine.
    :param create: launches a child execution, ``terminate`` ends one.
    """

    def __init__(
        self,
        db: Database,
        store: Store,
        loader: Loader,
        orders: Orders,
        sleeper: Sleeper,
        alarms: Alarms,
        post: Post,
        create: Callable[[execution_pb2.ExecutionCreateRequest], object],
        terminate: Callable[[execution_pb2.ExecutionTerminateRequest], object],
    ) -> None:
        self._db = db
        self._store = store
        self._loader = loader
        self.orders = orders
        self._sleeper = sleeper
        self._alarms = alarms
        self._post = post
        self._create = create
        self._terminate = terminate
        self._cache = CacheLookups(db, post)

    def forget(self, id: ExecutionId) -> None:
        """An execution has ended: whatever is still kept for it goes."""
        self.orders.forget(id)
        self._cache.forget(id)

    def write_files(self, files: Mapping[str, bytes]) -> None:
        for uri, data in files.items():
            self._store.write(uri, data)

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        self._alarms.ring_in(seconds, call)

    def act(self, run: Run, act: Act) -> None:
        match act:
            case StartAttempt():
                self._runner_of(act.attempt).start(act.attempt)
            case PrepareAttempt():
                self.orders.prepare(act.attempt)
            case ResumeAttempt():
                self._runner_of(act.attempt).resume(act.attempt)
            case StopAttempt():
                if not self._sleeper.stop(act.key):
                    self.orders.stop(act.key)
            case LookUpCache():
                self._cache.look_up(run.id, act)
            case ReleaseReservation():
                self._cache.released(act)
            case LookUpRecovery():
                self._look_up_recovery(run, act)
            case LookUpSignal():
                self._look_up_signal(run.id, act)
            case Sleep():
                self._sleep(run.id, act)
            case SetDeadline():
                self._set_deadline(run.id, act)
            case StartChild():
                self._start_child(run, act)
            case TerminateChild():
                self._terminate_child(run.id, act)

    def _runner_of(self, attempt: Attempt) -> Orders | Sleeper:
        return self._sleeper if attempt.task.type == CORE_SLEEP else self.orders

    # ---- what an earlier execution did

    def _look_up_recovery(self, run: Run, act: LookUpRecovery) -> None:
        found = self._loader.recovered(run.spec.metadata.reference_execution, act.node_uid)
        self._post(run.id, RecoveryLooked(act.node_uid, found))

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
        wake_at = (act.since or from_micros(row.started_at)) + act.duration
        self._alarms.ring_at(wake_at, lambda: self._post(id, Woken(uid, act.attempt)))

    # ---- deadlines

    def _set_deadline(self, id: ExecutionId, act: SetDeadline) -> None:
        passed = DeadlinePassed(act.node_uid, act.attempt, act.which)
        self._alarms.ring_at(act.at, lambda: self._post(id, passed))

    # ---- child executions

    def _start_child(self, run: Run, act: StartChild) -> None:
        try:
            self._create(_child_request(run, act))
        except AlreadyExists:
            pass  # An earlier server got this far.
        except PASSING:
            raise
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
