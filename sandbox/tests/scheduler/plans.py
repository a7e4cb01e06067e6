"""Launch plans with schedules whose executions cost nothing: their one task only sleeps."""

from __future__ import annotations

from datetime import datetime

from flyteidl.admin import common_pb2, execution_pb2, launch_plan_pb2, schedule_pb2, task_pb2, workflow_pb2
from flyteidl.core import identifier_pb2, literals_pb2, types_pb2
from google.protobuf.duration_pb2 import Duration

from flyte_sandbox.testing import Sandbox

from ..conformance.entities import interface, launch_plan_request, task_request, workflow_request

PROJECT = "flytesnacks"
DATETIME = types_pb2.LiteralType(simple=types_pb2.DATETIME)
DURATION = types_pb2.LiteralType(simple=types_pb2.DURATION)


def cron(expression: str, kickoff: str = "") -> schedule_pb2.Schedule:
    return schedule_pb2.Schedule(
        cron_schedule=schedule_pb2.CronSchedule(schedule=expression), kickoff_time_input_arg=kickoff
    )


def rate(value: int, unit: int = schedule_pb2.HOUR, kickoff: str = "") -> schedule_pb2.Schedule:
    fixed = schedule_pb2.FixedRate(value=value, unit=unit)
    return schedule_pb2.Schedule(rate=fixed, kickoff_time_input_arg=kickoff)


def register(
    sandbox: Sandbox,
    name: str,
    schedule: schedule_pb2.Schedule,
    version: str = "v1",
    project: str = PROJECT,
    concurrency: launch_plan_pb2.ConcurrencyPolicy | None = None,
) -> identifier_pb2.Identifier:
    """An inactive launch plan of a workflow with one task."""
    task, workflow, plan = requests(project, name, schedule, version)
    if concurrency is not None:
        plan.spec.concurrency_policy.CopyFrom(concurrency)
    sandbox.admin.tasks.create(task)
    sandbox.admin.workflows.create(workflow)
    sandbox.admin.launch_plans.create(plan)
    return plan.id


def requests(
    project: str, name: str, schedule: schedule_pb2.Schedule, version: str = "v1", seconds: int = 0
) -> tuple[
    task_pb2.TaskCreateRequest, workflow_pb2.WorkflowCreateRequest, launch_plan_pb2.LaunchPlanCreateRequest
]:
    """:param seconds: how long the one task sleeps."""
    inputs = {schedule.kickoff_time_input_arg: DATETIME} if schedule.kickoff_time_input_arg else {}
    task = task_request(project, name, version)
    task.spec.template.type = "core-sleep"
    task.spec.template.ClearField("container")
    task.spec.template.interface.CopyFrom(interface({"duration": DURATION}, {}))
    workflow = workflow_request(project, name, task.id, version)
    workflow.spec.template.interface.CopyFrom(interface(inputs, {}))
    del workflow.spec.template.outputs[:]
    binding = workflow.spec.template.nodes[0].inputs[0]
    binding.var = "duration"
    primitive = literals_pb2.Primitive(duration=Duration(seconds=seconds))
    binding.binding.CopyFrom(literals_pb2.BindingData(scalar=literals_pb2.Scalar(primitive=primitive)))
    plan = launch_plan_request(project, name, workflow.id, version)
    plan.spec.entity_metadata.schedule.CopyFrom(schedule)
    return task, workflow, plan


def set_state(sandbox: Sandbox, plan: identifier_pb2.Identifier, state: int) -> None:
    request = launch_plan_pb2.LaunchPlanUpdateRequest(id=plan, state=state)
    sandbox.admin.launch_plans.update(request)


def activate(sandbox: Sandbox, plan: identifier_pb2.Identifier) -> None:
    set_state(sandbox, plan, launch_plan_pb2.ACTIVE)


def deactivate(sandbox: Sandbox, plan: identifier_pb2.Identifier) -> None:
    set_state(sandbox, plan, launch_plan_pb2.INACTIVE)


def launched(sandbox: Sandbox, name: str = "", project: str = PROJECT) -> list[execution_pb2.Execution]:
    """In the order in which they were launched."""
    request = common_pb2.ResourceListRequest(
        id=common_pb2.NamedEntityIdentifier(project=project, domain="development"), limit=10_000
    )
    found = sandbox.admin.executions.list(request).executions
    return [one for one in found if not name or one.spec.launch_plan.name == name]


def times(sandbox: Sandbox, name: str, project: str = PROJECT) -> list[datetime]:
    """What times executions of a launch plan were launched for, in the order in which they were."""
    stamps = [one.spec.metadata.scheduled_at for one in launched(sandbox, name, project)]
    return [stamp.ToDatetime() for stamp in stamps]
