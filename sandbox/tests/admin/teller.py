"""Reports events of an execution, as an engine elsewhere would."""

from __future__ import annotations

from typing import Any

from flyteidl.admin import event_pb2, node_execution_pb2, task_execution_pb2
from flyteidl.core import identifier_pb2
from flyteidl.event import event_pb2 as told
from google.protobuf.timestamp_pb2 import Timestamp

from .launches import TASK, launch, register
from .rooms import Rooms


class Teller:
    """Of one execution, each event a second after the one before."""

    def __init__(self, rooms: Rooms) -> None:
        self.rooms, self.admin = rooms, rooms.admin
        self.seconds = 1_800_000_000
        register(self.admin)
        self.id = launch(self.admin)

    def now(self) -> Timestamp:
        self.seconds += 1
        return Timestamp(seconds=self.seconds)

    def node_id(self, name: str = "n0") -> identifier_pb2.NodeExecutionIdentifier:
        return identifier_pb2.NodeExecutionIdentifier(execution_id=self.id, node_id=name)

    def task_id(self, attempt: int = 0) -> identifier_pb2.TaskExecutionIdentifier:
        return identifier_pb2.TaskExecutionIdentifier(
            task_id=TASK, node_execution_id=self.node_id(), retry_attempt=attempt
        )

    def workflow(self, phase: Any, **fields: Any) -> None:
        event = told.WorkflowExecutionEvent(
            **{"execution_id": self.id, "phase": phase, "occurred_at": self.now(), **fields}
        )
        self.admin.reported_events.create_workflow(event_pb2.WorkflowExecutionEventRequest(event=event))

    def node(self, phase: Any, name: str = "n0", **fields: Any) -> None:
        event = told.NodeExecutionEvent(
            **{"id": self.node_id(name), "phase": phase, "occurred_at": self.now(), **fields}
        )
        self.admin.reported_events.create_node(event_pb2.NodeExecutionEventRequest(event=event))

    def task(self, phase: Any, attempt: int = 0, **fields: Any) -> None:
        base = {"task_id": TASK, "parent_node_execution_id": self.node_id(), "retry_attempt": attempt}
        event = told.TaskExecutionEvent(**{**base, "phase": phase, "occurred_at": self.now(), **fields})
        self.admin.reported_events.create_task(event_pb2.TaskExecutionEventRequest(event=event))

    def get_node(self, name: str = "n0") -> node_execution_pb2.NodeExecution:
        request = node_execution_pb2.NodeExecutionGetRequest(id=self.node_id(name))
        return self.admin.node_executions.get(request)

    def get_task(self, attempt: int = 0) -> task_execution_pb2.TaskExecution:
        request = task_execution_pb2.TaskExecutionGetRequest(id=self.task_id(attempt))
        return self.admin.task_executions.get(request)
