"""The task resources that applied at the launch are the ones that an execution's tasks get."""

from __future__ import annotations

from flyteidl.admin import matchable_resource_pb2

from flyte_sandbox.engine.resources.attributes import TaskAttributes

from .launches import ExecutionId, launch, register
from .rooms import Rooms
from .test_attributes import update


def cpu(number: str) -> matchable_resource_pb2.MatchingAttributes:
    return matchable_resource_pb2.MatchingAttributes(task_resource_attributes={"defaults": {"cpu": number}})


def test_later_changes_are_for_later_executions(rooms: Rooms) -> None:
    register(rooms.admin)
    before = launch(rooms.admin)
    update(rooms.admin, "workflow", cpu("2"))
    launched = launch(rooms.admin)
    update(rooms.admin, "workflow", cpu("3"))
    attributes = TaskAttributes(rooms.db)
    assert attributes.of(before) is None
    found = attributes.of(launched)
    assert found is not None
    assert found.defaults.cpu == "2"
    assert attributes.of(ExecutionId(name="nobody")) is None
