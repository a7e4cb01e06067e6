"""Requests for tasks, workflows and launch plans, made without any client library."""

from __future__ import annotations

from flyteidl.admin import launch_plan_pb2, task_pb2, workflow_pb2
from flyteidl.core import (
    identifier_pb2,
    interface_pb2,
    literals_pb2,
    tasks_pb2,
    types_pb2,
)
from flyteidl.core import (
    workflow_pb2 as core_workflow_pb2,
)

INTEGER = types_pb2.LiteralType(simple=types_pb2.INTEGER)
STRING = types_pb2.LiteralType(simple=types_pb2.STRING)


def identifier(kind: int, project: str, name: str, version: str = "v1") -> identifier_pb2.Identifier:
    return identifier_pb2.Identifier(
        resource_type=kind, project=project, domain="development", name=name, version=version
    )


def interface(inputs: dict[str, types_pb2.LiteralType], outputs: dict[str, types_pb2.LiteralType]) -> object:
    def variables(types: dict[str, types_pb2.LiteralType]) -> interface_pb2.VariableMap:
        return interface_pb2.VariableMap(
            variables={name: interface_pb2.Variable(type=kind) for name, kind in types.items()}
        )

    return interface_pb2.TypedInterface(inputs=variables(inputs), outputs=variables(outputs))


def task_request(project: str, name: str, version: str = "v1", arg: str = "a") -> task_pb2.TaskCreateRequest:
    """A task with one integer in and one out."""
    id = identifier(identifier_pb2.TASK, project, name, version)
    template = tasks_pb2.TaskTemplate(
        id=id,
        type="python-task",
        metadata=tasks_pb2.TaskMetadata(
            runtime=tasks_pb2.RuntimeMetadata(type=tasks_pb2.RuntimeMetadata.FLYTE_SDK, version="1")
        ),
        interface=interface({"x": INTEGER}, {"o0": INTEGER}),
        container=tasks_pb2.Container(image="any", args=["echo", arg]),
    )
    return task_pb2.TaskCreateRequest(id=id, spec=task_pb2.TaskSpec(template=template))


def workflow_request(
    project: str, name: str, task: identifier_pb2.Identifier, version: str = "v1", node: str = "n0"
) -> workflow_pb2.WorkflowCreateRequest:
    """One node that runs ``task``, its input the workflow's ``x``."""
    id = identifier(identifier_pb2.WORKFLOW, project, name, version)
    promise = literals_pb2.BindingData(promise=types_pb2.OutputReference(var="x"))
    output = literals_pb2.BindingData(promise=types_pb2.OutputReference(node_id=node, var="o0"))
    template = core_workflow_pb2.WorkflowTemplate(
        id=id,
        interface=interface({"x": INTEGER}, {"o0": INTEGER}),
        nodes=[
            core_workflow_pb2.Node(
                id=node,
                inputs=[literals_pb2.Binding(var="x", binding=promise)],
                task_node=core_workflow_pb2.TaskNode(reference_id=task),
            )
        ],
        outputs=[literals_pb2.Binding(var="o0", binding=output)],
    )
    return workflow_pb2.WorkflowCreateRequest(id=id, spec=workflow_pb2.WorkflowSpec(template=template))


def launch_plan_request(
    project: str,
    name: str,
    workflow: identifier_pb2.Identifier,
    version: str = "v1",
    fixed: dict[str, int] | None = None,
    default: dict[str, int] | None = None,
) -> launch_plan_pb2.LaunchPlanCreateRequest:
    spec = launch_plan_pb2.LaunchPlanSpec(workflow_id=workflow)
    for var, value in (fixed or {}).items():
        spec.fixed_inputs.literals[var].CopyFrom(integer(value))
    for var, value in (default or {}).items():
        variable = interface_pb2.Variable(type=INTEGER)
        spec.default_inputs.parameters[var].CopyFrom(
            interface_pb2.Parameter(var=variable, default=integer(value))
        )
    id = identifier(identifier_pb2.LAUNCH_PLAN, project, name, version)
    return launch_plan_pb2.LaunchPlanCreateRequest(id=id, spec=spec)


def integer(value: int) -> literals_pb2.Literal:
    return literals_pb2.Literal(scalar=literals_pb2.Scalar(primitive=literals_pb2.Primitive(integer=value)))


def text(value: str) -> literals_pb2.Literal:
    primitive = literals_pb2.Primitive(string_value=value)
    return literals_pb2.Literal(scalar=literals_pb2.Scalar(primitive=primitive))
