"""What a request launches: a launch plan with its workflow, or a single task with the ones made for it."""

from __future__ import annotations

from dataclasses import dataclass

from flyteidl.admin import launch_plan_pb2
from flyteidl.core import identifier_pb2

from flyte_sandbox.admin import registered
from flyte_sandbox.admin.launch_plans import to_message as to_launch_plan
from flyte_sandbox.admin.launching.single_tasks import SingleTasks
from flyte_sandbox.db.database import Database


@dataclass(frozen=True)
class Target:
    """The plan's message and the rows that the execution points at.

    :param launch_plan_key: None for a single task, ``task_key`` for anything else.
    """

    plan: launch_plan_pb2.LaunchPlan
    workflow_id: identifier_pb2.Identifier
    launch_plan_key: int | None
    workflow_key: int
    task_key: int | None

    @property
    def workflow_name(self) -> str:
        """Whose attributes count; a task that is launched by itself has none."""
        return "" if self.launch_plan_key is None else self.workflow_id.name


class LaunchTargets:
    def __init__(self, db: Database, single_tasks: SingleTasks) -> None:
        self._db = db
        self._single_tasks = single_tasks

    def find(self, id: identifier_pb2.Identifier) -> Target:
        """:raises NotFound: when the launch plan or task is not registered."""
        if id.resource_type == identifier_pb2.TASK:
            single = self._single_tasks.ensure(id)
            return Target(single.plan, single.workflow_id, None, single.workflow_key, single.task_key)
        with self._db.read() as connection:
            row = registered.get_row(connection, id)
        plan = to_launch_plan(row)
        return Target(plan, plan.spec.workflow_id, row.id, row.workflow_id, None)
