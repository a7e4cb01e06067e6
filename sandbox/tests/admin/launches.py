"""A registered task, workflow and launch plan, and requests to launch them."""

from __future__ import annotations

from typing import Any

from flyteidl.admin import common_pb2, execution_pb2, launch_plan_pb2
from flyteidl.core import identifier_pb2, literals_pb2

from flyte_sandbox.admin.rooms import Admin

from ..conformance.entities import identifier, integer, launch_plan_request, task_request, workflow_request

PROJECT = "flytesnacks"
TASK = identifier(identifier_pb2.TASK, PROJECT, "a.task")
WORKFLOW = identifier(identifier_pb2.WORKFLOW, PROJECT, "a.wf")
PLAN = identifier(identifier_pb2.LAUNCH_PLAN, PROJECT, "a.plan")
ExecutionId = identifier_pb2.WorkflowExecutionIdentifier


def register(admin: Admin, plan: launch_plan_pb2.LaunchPlanSpec | None = None) -> None:
    """:param plan: more fields of the launch plan's spec."""
    admin.tasks.create(task_request(PROJECT, "a.task"))
    admin.workflows.create(workflow_request(PROJECT, "a.wf", TASK))
    request = launch_plan_request(PROJECT, "a.plan", WORKFLOW)
    request.spec.MergeFrom(plan or launch_plan_pb2.LaunchPlanSpec())
    admin.launch_plans.create(request)


def inputs(**values: int) -> literals_pb2.LiteralMap:
    return literals_pb2.LiteralMap(literals={name: integer(value) for name, value in values.items()})


def create_request(name: str = "", **spec: Any) -> execution_pb2.ExecutionCreateRequest:
    return execution_pb2.ExecutionCreateRequest(
        project=PROJECT,
        domain="development",
        name=name,
        spec=execution_pb2.ExecutionSpec(**{"launch_plan": PLAN, **spec}),
        inputs=inputs(x=1),
    )


def launch(admin: Admin, name: str = "", **spec: Any) -> ExecutionId:
    return admin.launching.create(create_request(name, **spec)).id


def get(admin: Admin, id: ExecutionId) -> execution_pb2.Execution:
    return admin.executions.get(execution_pb2.WorkflowExecutionGetRequest(id=id))


def list_names(admin: Admin, **fields: Any) -> list[str]:
    id = common_pb2.NamedEntityIdentifier(project=PROJECT, domain="development")
    request = common_pb2.ResourceListRequest(**{"id": id, "limit": 100, **fields})
    return [one.id.name for one in admin.executions.list(request).executions]
