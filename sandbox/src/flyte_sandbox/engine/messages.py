"""What comes to the engine and what it decides: messages in, events, files and acts out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

from flyteidl.admin import node_execution_pb2
from flyteidl.core import (
    catalog_pb2,
    compiler_pb2,
    dynamic_job_pb2,
    identifier_pb2,
    literals_pb2,
    tasks_pb2,
    types_pb2,
    workflow_pb2,
)
from flyteidl.event import event_pb2

from flyte_sandbox.engine.model import ExecutionError, ExecutionId

EXECUTION_DEADLINE = "execution"
ACTIVE_DEADLINE = "active"

# ---- what comes in
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Begin:
    """Start the execution, or go on with it after a restart."""


@dataclass(frozen=True)
class Terminate:
    """The execution is ABORTING; bring it to its end."""


@dataclass(frozen=True)
class RowsChanged:
    """Somebody else has written rows of the execution: go on from them."""


@dataclass(frozen=True)
class AttemptStarted:
    """:param notes: what a real cluster would have done and this machine does not."""

    node_uid: str
    attempt: int
    at: datetime
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class AttemptWaiting:
    """There is no room on this machine for the attempt yet.

    :param reason: what it waits for.
    """

    node_uid: str
    attempt: int
    reason: str


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended, in Flyte's words.

    :param outputs: set exactly when it succeeded.
    :param error: set exactly when it failed.
    :param is_recoverable: whether another attempt may help.
    :param deck: its HTML, when it wrote one.
    :param futures: what a dynamic task wrote instead of outputs.
    :param dynamic: the same, compiled; set together with ``futures`` when it could be.
    """

    outputs: literals_pb2.LiteralMap | None = None
    error: ExecutionError | None = None
    is_recoverable: bool = False
    deck: bytes | None = None
    futures: dynamic_job_pb2.DynamicJobSpec | None = None
    dynamic: compiler_pb2.CompiledWorkflowClosure | None = None


@dataclass(frozen=True)
class AttemptEnded:
    node_uid: str
    attempt: int
    outcome: Outcome


@dataclass(frozen=True)
class AttemptInterrupted:
    """An orderly stop of the server ended the attempt; it begins again and uses no retry."""

    node_uid: str
    attempt: int


@dataclass(frozen=True)
class CacheLooked:
    """The catalog has answered.

    :param outputs: what an earlier execution put there, or None.
    :param status: ``CatalogCacheStatus``.
    :param reservation: ``CatalogReservation.Status``: whether the node is to make the outputs, or to wait for
        them.
    """

    node_uid: str
    outputs: literals_pb2.LiteralMap | None = None
    metadata: catalog_pb2.CatalogMetadata | None = None
    status: int = catalog_pb2.CACHE_MISS
    reservation: int = catalog_pb2.CatalogReservation.RESERVATION_DISABLED


@dataclass(frozen=True)
class Recovered:
    """What the execution that is recovered from says of a node.

    :param outputs: set exactly when the node had succeeded there.
    :param deck: its HTML, if there is one still.
    :param futures: what a dynamic task wrote, serialised; set together with ``dynamic``.
    """

    closure: node_execution_pb2.NodeExecutionClosure
    metadata: node_execution_pb2.NodeExecutionMetaData
    inputs: literals_pb2.LiteralMap
    outputs: literals_pb2.LiteralMap | None = None
    deck: bytes | None = None
    futures: bytes = b""
    dynamic: compiler_pb2.CompiledWorkflowClosure | None = None


@dataclass(frozen=True)
class RecoveryLooked:
    """:param found: None when that execution never came to the node."""

    node_uid: str
    found: Recovered | None


@dataclass(frozen=True)
class ChildStarted:
    """The execution of a launch plan node exists."""

    node_uid: str


@dataclass(frozen=True)
class ChildRefused:
    """The execution of a launch plan node could not be created."""

    node_uid: str
    error: ExecutionError


@dataclass(frozen=True)
class ChildEnded:
    """The execution of a launch plan node has reached its end.

    :param name: of the child execution, with its ``phase``.
    """

    node_uid: str
    name: str
    phase: int
    outputs: literals_pb2.LiteralMap | None = None
    error: ExecutionError | None = None


@dataclass(frozen=True)
class SignalSet:
    """A value for every gate of the execution that waits for this signal.

    :param node_uid: set when one gate alone has asked.
    """

    signal_id: str
    value: literals_pb2.Literal
    node_uid: str = ""


@dataclass(frozen=True)
class Woken:
    """The time of a sleeping gate is over."""

    node_uid: str
    attempt: int


@dataclass(frozen=True)
class DeadlinePassed:
    """:param which: ``execution`` or ``active``."""

    node_uid: str
    attempt: int
    which: str


Message: TypeAlias = (
    Begin
    | RowsChanged
    | Terminate
    | AttemptStarted
    | AttemptWaiting
    | AttemptEnded
    | AttemptInterrupted
    | CacheLooked
    | RecoveryLooked
    | ChildStarted
    | ChildRefused
    | ChildEnded
    | SignalSet
    | Woken
    | DeadlinePassed
)

# ---- what is decided
# -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Attempt:
    """All that is needed to run one attempt of a task.

    :param key: names it to the runner.
    :param prev_checkpoint: where the attempt before left its checkpoint; empty on the first one.
    :param index: which element of an array it is; ``inputs`` are then the whole array's.
    """

    key: str
    execution: ExecutionId
    node_uid: str
    attempt: int
    task: tasks_pb2.TaskTemplate
    overrides: workflow_pb2.TaskNodeOverrides
    inputs: literals_pb2.LiteralMap
    generated_name: str
    raw_output_prefix: str
    checkpoint: str
    prev_checkpoint: str
    workflow_name: str
    envs: dict[str, str] = field(default_factory=dict)
    index: int | None = None


@dataclass(frozen=True)
class StartAttempt:
    attempt: Attempt


@dataclass(frozen=True)
class PrepareAttempt:
    """Of a task that begins when the one that was just started has succeeded; ``inputs`` are still empty."""

    attempt: Attempt


@dataclass(frozen=True)
class ResumeAttempt:
    """Pick up an attempt that an earlier server had ordered."""

    attempt: Attempt


@dataclass(frozen=True)
class StopAttempt:
    key: str


@dataclass(frozen=True)
class LookUpCache:
    """:param node_execution: who asks; it holds the reservation when there are no outputs yet.

    :param is_serialized: of equal tasks at the same time one works, the others wait.
    """

    node_uid: str
    node_execution: identifier_pb2.NodeExecutionIdentifier
    task: tasks_pb2.TaskTemplate
    inputs: literals_pb2.LiteralMap
    is_serialized: bool = False


@dataclass(frozen=True)
class ReleaseReservation:
    """A node has ended that held a reservation or waited for one. Written down, then told to who waits."""

    task: tasks_pb2.TaskTemplate
    inputs: literals_pb2.LiteralMap
    owner: identifier_pb2.NodeExecutionIdentifier


@dataclass(frozen=True)
class LookUpRecovery:
    """See how far the execution that is recovered from came with a node."""

    node_uid: str


@dataclass(frozen=True)
class LookUpSignal:
    """See whether a gate's signal has its value already."""

    node_uid: str
    id: identifier_pb2.SignalIdentifier


@dataclass(frozen=True)
class Sleep:
    """Wake a gate so long after its current attempt began.

    :param since: when that was; None means with the node itself.
    """

    node_execution: identifier_pb2.NodeExecutionIdentifier
    attempt: int
    duration: timedelta
    since: datetime | None = None


@dataclass(frozen=True)
class SetDeadline:
    """Tell the engine when this moment has come."""

    node_uid: str
    attempt: int
    which: str
    at: datetime


@dataclass(frozen=True)
class StartChild:
    """Create the execution of a launch plan node; safe to repeat, its name follows from the node."""

    node_uid: str
    node_execution: identifier_pb2.NodeExecutionIdentifier
    name: str
    launch_plan: identifier_pb2.Identifier
    inputs: literals_pb2.LiteralMap


@dataclass(frozen=True)
class TerminateChild:
    name: str
    cause: str


@dataclass(frozen=True)
class Ended:
    """The execution has reached a terminal phase; nothing of it runs any more."""


Act: TypeAlias = (
    StartAttempt
    | PrepareAttempt
    | ResumeAttempt
    | StopAttempt
    | LookUpCache
    | LookUpRecovery
    | ReleaseReservation
    | StartChild
    | TerminateChild
    | Ended
    | LookUpSignal
    | Sleep
    | SetDeadline
)


@dataclass(frozen=True)
class NodeEvent:
    """:param notes: the engine's own notes to keep with the row."""

    event: event_pb2.NodeExecutionEvent
    notes: str


@dataclass(frozen=True)
class NodeNotes:
    """Notes that changed while the phase did not."""

    id: identifier_pb2.NodeExecutionIdentifier
    notes: str


@dataclass(frozen=True)
class CachePut:
    """Outputs to remember, in the same transaction as the node's end."""

    task: tasks_pb2.TaskTemplate
    inputs: literals_pb2.LiteralMap
    outputs: literals_pb2.LiteralMap
    source: identifier_pb2.TaskExecutionIdentifier
    node_uid: str


@dataclass(frozen=True)
class NeedSignal:
    """A gate waits: from now on its signal can be listed and set."""

    id: identifier_pb2.SignalIdentifier
    type: types_pb2.LiteralType


Record: TypeAlias = (
    event_pb2.WorkflowExecutionEvent
    | NodeEvent
    | NodeNotes
    | event_pb2.TaskExecutionEvent
    | CachePut
    | ReleaseReservation
    | NeedSignal
)


@dataclass
class Decision:
    """Files are written first, then the records in one transaction, then the acts are done.

    :param files: content by address.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)
