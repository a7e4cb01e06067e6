"""Runs attempts of the task type ``core-sleep``: no process, only time that passes.

To the engine's rules it is a task like any other; only what runs it differs.
Source: flyteplugins go/tasks/plugins/core/sleep/plugin.go.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from flyteidl.core import identifier_pb2, literals_pb2, tasks_pb2, types_pb2

from flyte_sandbox.clock import Clock
from flyte_sandbox.db import executions as rows
from flyte_sandbox.db.database import Database
from flyte_sandbox.db.times import from_micros
from flyte_sandbox.engine.alarms import Alarms
from flyte_sandbox.engine.failures import system_error, user_error
from flyte_sandbox.engine.messages import Attempt, AttemptEnded, AttemptStarted, Message, Outcome
from flyte_sandbox.engine.model import ExecutionId

TASK_TYPE = "core-sleep"


class BadSleepError(Exception):
    """The task or its input does not fit the type: a permanent failure, ``BadTaskSpecification``."""


class Sleeper:
    """``start``, ``resume`` and ``stop`` are called from the engine's thread, the alarms ring in their own.

    Sleeping takes no slot: it costs this machine nothing.

    :param post: brings a message to the engine.
    """

    def __init__(
        self, db: Database, clock: Clock, alarms: Alarms, post: Callable[[ExecutionId, Message], None]
    ) -> None:
        self._db = db
        self._clock = clock
        self._alarms = alarms
        self._post = post
        self._asleep: dict[str, Attempt] = {}

    def start(self, attempt: Attempt) -> None:
        self._sleep_since(attempt, self._clock.now())

    def resume(self, attempt: Attempt) -> None:
        """The time counts from the attempt's beginning, so a restart does not prolong it."""
        id = identifier_pb2.TaskExecutionIdentifier(
            task_id=attempt.task.id,
            node_execution_id=identifier_pb2.NodeExecutionIdentifier(
                execution_id=attempt.execution, node_id=attempt.node_uid
            ),
            retry_attempt=attempt.attempt,
        )
        with self._db.read() as connection:
            row = rows.get_task(connection, id)
        if row is None or row.started_at is None:
            self.start(attempt)
        else:
            self._sleep_since(attempt, from_micros(row.started_at))

    def stop(self, key: str) -> bool:
        """:return: whether it was asleep; else the attempt is none of its own, or has ended."""
        attempt = self._asleep.pop(key, None)
        if attempt is None:
            return False
        self._end(attempt, Outcome(error=system_error("Interrupted", "woken before its time")))
        return True

    def _sleep_since(self, attempt: Attempt, began_at: datetime) -> None:
        try:
            duration = sleep_duration(attempt.task, attempt.inputs)
        except BadSleepError as exc:
            self._end(attempt, Outcome(error=user_error("BadTaskSpecification", str(exc))))
            return
        if not duration:
            # It never runs in the real one, either: QUEUED, then SUCCEEDED.
            self._end(attempt, Outcome(outputs=literals_pb2.LiteralMap()))
            return
        self._asleep[attempt.key] = attempt
        self._post(attempt.execution, AttemptStarted(attempt.node_uid, attempt.attempt, began_at))
        self._alarms.ring_at(began_at + duration, lambda: self._wake(attempt.key))

    def _wake(self, key: str) -> None:
        attempt = self._asleep.pop(key, None)
        if attempt is not None:
            self._end(attempt, Outcome(outputs=literals_pb2.LiteralMap()))

    def _end(self, attempt: Attempt, outcome: Outcome) -> None:
        self._post(attempt.execution, AttemptEnded(attempt.node_uid, attempt.attempt, outcome))


def sleep_duration(task: tasks_pb2.TaskTemplate, inputs: literals_pb2.LiteralMap) -> timedelta:
    """How long the task's one input says. Pure.

    :raises BadSleepError: for another interface or another value; the words are the real one's.
    """
    variables = task.interface.inputs.variables
    if len(variables) != 1:
        raise BadSleepError(f"task type [{TASK_TYPE}] requires exactly one duration input")
    if task.interface.outputs.variables:
        raise BadSleepError(f"task type [{TASK_TYPE}] does not support outputs")
    ((name, variable),) = variables.items()
    if variable.type.simple != types_pb2.DURATION:
        raise BadSleepError(f"input [{name}] must be typed as duration")
    if name not in inputs.literals:
        raise BadSleepError(f"duration input [{name}] is missing")
    primitive = inputs.literals[name].scalar.primitive
    if not primitive.HasField("duration"):
        raise BadSleepError(f"duration input [{name}] must be a duration literal")
    duration: timedelta = primitive.duration.ToTimedelta()
    if duration < timedelta(0):
        raise BadSleepError(f"duration input [{name}] must be non-negative")
    return duration
