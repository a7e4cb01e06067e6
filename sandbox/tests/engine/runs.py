"""Small workflows for a sandbox in this process, registered, launched and looked at without any client."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from flyteidl.admin import execution_pb2
from flyteidl.core import identifier_pb2, interface_pb2, literals_pb2, types_pb2
from google.protobuf.duration_pb2 import Duration

from flyte_sandbox.testing import Sandbox

from ..conformance.entities import identifier, interface, launch_plan_request, task_request, workflow_request
from ..waiting import eventually

Request = execution_pb2.WorkflowExecutionGetRequest
DURATION = types_pb2.LiteralType(simple=types_pb2.DURATION)
PROJECT = "flytesnacks"


def register_counter(sandbox: Sandbox, log: Path, then: str = ":") -> identifier_pb2.Identifier:
    """A workflow of one task that adds a line to ``log``, runs a shell's command and succeeds."""
    task = task_request(PROJECT, "counts")
    task.spec.template.interface.CopyFrom(interface({}, {}))
    container = task.spec.template.container
    del container.args[:]
    container.command.extend(["sh", "-c", f"echo ran >> {log}; {then}"])
    sandbox.admin.tasks.create(task)
    workflow = workflow_request(PROJECT, "counts", task.id)
    workflow.spec.template.interface.CopyFrom(interface({}, {}))
    del workflow.spec.template.outputs[:]
    del workflow.spec.template.nodes[0].inputs[:]
    sandbox.admin.workflows.create(workflow)
    plan = launch_plan_request(PROJECT, "counts", workflow.id)
    sandbox.admin.launch_plans.create(plan)
    return identifier(identifier_pb2.LAUNCH_PLAN, PROJECT, "counts")


def register_nap(sandbox: Sandbox) -> identifier_pb2.Identifier:
    """A workflow of one ``core-sleep``, which takes the ``duration`` that it is given."""
    signature = interface({"duration": DURATION}, {})
    task = task_request(PROJECT, "naps")
    task.spec.template.type = "core-sleep"
    task.spec.template.interface.CopyFrom(signature)
    task.spec.template.ClearField("container")
    sandbox.admin.tasks.create(task)
    workflow = workflow_request(PROJECT, "naps", task.id)
    workflow.spec.template.interface.CopyFrom(signature)
    del workflow.spec.template.outputs[:]
    binding = workflow.spec.template.nodes[0].inputs[0]
    binding.var = binding.binding.promise.var = "duration"
    sandbox.admin.workflows.create(workflow)
    plan = launch_plan_request(PROJECT, "naps", workflow.id)
    parameter = interface_pb2.Parameter(var=interface_pb2.Variable(type=DURATION), required=True)
    plan.spec.default_inputs.parameters.clear()
    plan.spec.default_inputs.parameters["duration"].CopyFrom(parameter)
    sandbox.admin.launch_plans.create(plan)
    return identifier(identifier_pb2.LAUNCH_PLAN, PROJECT, "naps")


def sleep_for(seconds: float) -> literals_pb2.LiteralMap:
    duration = Duration()
    duration.FromTimedelta(timedelta(seconds=seconds))
    literal = literals_pb2.Literal(
        scalar=literals_pb2.Scalar(primitive=literals_pb2.Primitive(duration=duration))
    )
    return literals_pb2.LiteralMap(literals={"duration": literal})


def launch(
    sandbox: Sandbox, plan: identifier_pb2.Identifier, inputs: literals_pb2.LiteralMap | None = None
) -> Request:
    """:return: what asks for the execution that was launched."""
    spec = execution_pb2.ExecutionSpec(launch_plan=plan)
    request = execution_pb2.ExecutionCreateRequest(
        project=PROJECT, domain="development", spec=spec, inputs=inputs
    )
    return Request(id=sandbox.admin.launching.create(request).id)


def launch_nap(sandbox: Sandbox, seconds: float) -> Request:
    return launch(sandbox, register_nap(sandbox), sleep_for(seconds))


def wait(sandbox: Sandbox, request: Request, phase: int) -> None:
    eventually(lambda: sandbox.admin.executions.get(request).closure.phase == phase)
