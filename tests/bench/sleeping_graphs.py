"""Workflows whose every node sleeps in the engine (``core-sleep``), registered without any client library.

Nothing of Python runs in their nodes, so what they take beyond the sleep is orchestration.
"""

from __future__ import annotations

from datetime import timedelta

from flyteidl.admin import launch_plan_pb2, task_pb2, workflow_pb2
from flyteidl.core import identifier_pb2, interface_pb2, literals_pb2, tasks_pb2, types_pb2
from flyteidl.core import workflow_pb2 as core_workflow_pb2
from google.protobuf.duration_pb2 import Duration

from .flyte_client import VERSION
from .server import DOMAIN, PROJECT, Server

TASK_TYPE = "core-sleep"
_DURATION = types_pb2.LiteralType(simple=types_pb2.DURATION)
_INPUT = "duration"
_TASK = "sleeps"


def inputs(seconds: float) -> dict[str, literals_pb2.Literal]:
    """How long each node of a workflow sleeps."""
    duration = Duration()
    duration.FromTimedelta(timedelta(seconds=seconds))
    primitive = literals_pb2.Primitive(duration=duration)
    return {_INPUT: literals_pb2.Literal(scalar=literals_pb2.Scalar(primitive=primitive))}


def register_task(server: Server) -> None:
    """Once per server, before any workflow."""
    id = _identifier(identifier_pb2.TASK, _TASK)
    template = tasks_pb2.TaskTemplate(
        id=id,
        type=TASK_TYPE,
        interface=_interface(),
        metadata=tasks_pb2.TaskMetadata(
            runtime=tasks_pb2.RuntimeMetadata(type=tasks_pb2.RuntimeMetadata.FLYTE_SDK, version="1")
        ),
    )
    server.admin.CreateTask(task_pb2.TaskCreateRequest(id=id, spec=task_pb2.TaskSpec(template=template)))


def register_fan(server: Server, leaves: int) -> str:
    """So many nodes that depend on nothing.

    :return: the name of the launch plan.
    """
    return _register(server, f"fan{leaves}", [_node(number) for number in range(leaves)])


def register_chain(server: Server, length: int) -> str:
    """So many nodes in a row.

    :return: the name of the launch plan.
    """
    nodes = [_node(number, after=[f"n{number - 1}"] if number else []) for number in range(length)]
    return _register(server, f"chain{length}", nodes)


def _register(server: Server, name: str, nodes: list[core_workflow_pb2.Node]) -> str:
    workflow = _identifier(identifier_pb2.WORKFLOW, name)
    template = core_workflow_pb2.WorkflowTemplate(id=workflow, interface=_interface(), nodes=nodes)
    spec = workflow_pb2.WorkflowSpec(template=template)
    server.admin.CreateWorkflow(workflow_pb2.WorkflowCreateRequest(id=workflow, spec=spec))
    parameter = interface_pb2.Parameter(var=interface_pb2.Variable(type=_DURATION), required=True)
    defaults = interface_pb2.ParameterMap(parameters={_INPUT: parameter})
    plan = launch_plan_pb2.LaunchPlanSpec(workflow_id=workflow, default_inputs=defaults)
    id = _identifier(identifier_pb2.LAUNCH_PLAN, name)
    server.admin.CreateLaunchPlan(launch_plan_pb2.LaunchPlanCreateRequest(id=id, spec=plan))
    return name


def _node(number: int, after: list[str] | None = None) -> core_workflow_pb2.Node:
    promise = literals_pb2.BindingData(promise=types_pb2.OutputReference(var=_INPUT))
    return core_workflow_pb2.Node(
        id=f"n{number}",
        metadata=core_workflow_pb2.NodeMetadata(name=_TASK),
        inputs=[literals_pb2.Binding(var=_INPUT, binding=promise)],
        upstream_node_ids=after or [],
        task_node=core_workflow_pb2.TaskNode(reference_id=_identifier(identifier_pb2.TASK, _TASK)),
    )


def _interface() -> interface_pb2.TypedInterface:
    variables = interface_pb2.VariableMap(variables={_INPUT: interface_pb2.Variable(type=_DURATION)})
    return interface_pb2.TypedInterface(inputs=variables)


def _identifier(kind: int, name: str) -> identifier_pb2.Identifier:
    return identifier_pb2.Identifier(
        resource_type=kind, project=PROJECT, domain=DOMAIN, name=name, version=VERSION
    )
