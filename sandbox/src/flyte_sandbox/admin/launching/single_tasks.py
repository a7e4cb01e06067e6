"""Executions of a single task run as a generated workflow, ``.flytegen.<task name>``.

Source: flyteadmin pkg/manager/impl/util/single_task_execution.go.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from flyteidl.admin import launch_plan_pb2, workflow_pb2
from flyteidl.core import identifier_pb2

from flyte_sandbox.admin import registered
from flyte_sandbox.admin.launch_plans import LaunchPlans
from flyte_sandbox.admin.launch_plans import to_message as to_launch_plan
from flyte_sandbox.admin.tasks import Tasks
from flyte_sandbox.admin.workflows import Workflows
from flyte_sandbox.compiler.launch_plans import compile_launch_plan
from flyte_sandbox.compiler.workflows import single_task_workflow
from flyte_sandbox.db import entities
from flyte_sandbox.db.database import Database
from flyte_sandbox.errors import AlreadyExists


@dataclass(frozen=True)
class SingleTask:
    plan: launch_plan_pb2.LaunchPlan
    workflow_id: identifier_pb2.Identifier
    workflow_key: int
    task_key: int


class SingleTasks:
    def __init__(self, db: Database, tasks: Tasks, workflows: Workflows, launch_plans: LaunchPlans) -> None:
        self._db = db
        self._tasks = tasks
        self._workflows = workflows
        self._launch_plans = launch_plans

    def ensure(self, task_id: identifier_pb2.Identifier) -> SingleTask:
        """The generated workflow and launch plan of a task version, made on its first launch.

        :raises NotFound: when the task is not registered.
        """
        with self._db.read() as connection:
            task_row = registered.get_row(connection, task_id)
            task = self._tasks.get_compiled(connection, task_id)
            plan_row = entities.get(connection, _generated(task_id, identifier_pb2.LAUNCH_PLAN))
        if plan_row is None:
            template = single_task_workflow(task)
            self._store_workflow(template.id, workflow_pb2.WorkflowSpec(template=template))
            self._store_plan(task_id, template.id)
            with self._db.read() as connection:
                plan_row = registered.get_row(connection, _generated(task_id, identifier_pb2.LAUNCH_PLAN))
        workflow_id = _generated(task_id, identifier_pb2.WORKFLOW)
        return SingleTask(to_launch_plan(plan_row), workflow_id, plan_row.workflow_id, task_row.id)

    def _store_workflow(self, id: identifier_pb2.Identifier, spec: workflow_pb2.WorkflowSpec) -> None:
        with contextlib.suppress(AlreadyExists):  # Another launch of the same task was quicker.
            self._workflows.store(id, self._workflows.compile(id, spec), is_generated=True)

    def _store_plan(self, task_id: identifier_pb2.Identifier, workflow_id: identifier_pb2.Identifier) -> None:
        with self._db.read() as connection:
            row = registered.get_row(connection, workflow_id)
            task = self._tasks.get_compiled(connection, task_id)
        plan_id = _generated(task_id, identifier_pb2.LAUNCH_PLAN)
        spec = launch_plan_pb2.LaunchPlanSpec(workflow_id=workflow_id)
        spec, inputs, outputs = compile_launch_plan(plan_id, spec, task.template.interface)
        plan = launch_plan_pb2.LaunchPlan(id=plan_id, spec=spec)
        plan.closure.expected_inputs.CopyFrom(inputs)
        plan.closure.expected_outputs.CopyFrom(outputs)
        with contextlib.suppress(AlreadyExists):
            self._launch_plans.store(plan, row.id, is_generated=True)


def _generated(task_id: identifier_pb2.Identifier, resource_type: int) -> identifier_pb2.Identifier:
    generated = identifier_pb2.Identifier()
    generated.CopyFrom(task_id)
    generated.resource_type = resource_type
    generated.name = f".flytegen.{task_id.name}"
    return generated
