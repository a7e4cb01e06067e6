"""What the tests launch in the embedded Flyte, registered without flytekit: it sleeps in the engine."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flyteidl.admin import launch_plan_pb2, task_pb2, workflow_pb2
from flyteidl.core import identifier_pb2, interface_pb2, literals_pb2, tasks_pb2, types_pb2
from flyteidl.core import workflow_pb2 as core_workflow_pb2

from ..fakes.admin import entity_id

DURATION = types_pb2.LiteralType(simple=types_pb2.DURATION)
DATASET = types_pb2.LiteralType(structured_dataset_type=types_pb2.StructuredDatasetType())
BOOLEAN = types_pb2.LiteralType(simple=types_pb2.BOOLEAN)


def register(admin: Any) -> None:
    """Register the launch plans ``sleep`` (for ``duration``), ``approve`` (which waits until approved) and
    ``read`` (which takes a ``frame``, too).
    """
    task = entity_id(identifier_pb2.TASK, "sleeps", "v1")
    metadata = tasks_pb2.TaskMetadata(
        runtime=tasks_pb2.RuntimeMetadata(type=tasks_pb2.RuntimeMetadata.FLYTE_SDK, version="1")
    )
    template = tasks_pb2.TaskTemplate(id=task, type="core-sleep", interface=_interface(), metadata=metadata)
    admin.CreateTask(task_pb2.TaskCreateRequest(id=task, spec=task_pb2.TaskSpec(template=template)))
    _register_workflow(admin, "sleep", [_sleep()])
    _register_workflow(admin, "approve", [_gate(), _sleep(after=["gate"])])
    _register_workflow(admin, "read", [_sleep()], frame=DATASET)


def _register_workflow(
    admin: Any, name: str, nodes: list[core_workflow_pb2.Node], **more: types_pb2.LiteralType
) -> None:
    workflow = entity_id(identifier_pb2.WORKFLOW, name, "v1")
    template = core_workflow_pb2.WorkflowTemplate(id=workflow, interface=_interface(**more), nodes=nodes)
    spec = workflow_pb2.WorkflowSpec(template=template)
    admin.CreateWorkflow(workflow_pb2.WorkflowCreateRequest(id=workflow, spec=spec))
    parameters = {
        key: interface_pb2.Parameter(var=variable, required=True)
        for key, variable in _interface(**more).inputs.variables.items()
    }
    plan = launch_plan_pb2.LaunchPlanSpec(
        workflow_id=workflow, default_inputs=interface_pb2.ParameterMap(parameters=parameters)
    )
    plan_id = entity_id(identifier_pb2.LAUNCH_PLAN, name, "v1")
    admin.CreateLaunchPlan(launch_plan_pb2.LaunchPlanCreateRequest(id=plan_id, spec=plan))


def _sleep(after: list[str] | None = None) -> core_workflow_pb2.Node:
    promise = literals_pb2.BindingData(promise=types_pb2.OutputReference(var="duration"))
    return core_workflow_pb2.Node(
        id="n0",
        metadata=core_workflow_pb2.NodeMetadata(name="sleeps"),
        inputs=[literals_pb2.Binding(var="duration", binding=promise)],
        upstream_node_ids=after or [],
        task_node=core_workflow_pb2.TaskNode(reference_id=entity_id(identifier_pb2.TASK, "sleeps", "v1")),
    )


def _gate() -> core_workflow_pb2.Node:
    signal = core_workflow_pb2.SignalCondition(signal_id="go", type=BOOLEAN, output_variable_name="o0")
    return core_workflow_pb2.Node(
        id="gate",
        metadata=core_workflow_pb2.NodeMetadata(name="gate", timeout=_minutes(5)),
        gate_node=core_workflow_pb2.GateNode(signal=signal),
    )


def _minutes(minutes: int) -> Any:
    from google.protobuf.duration_pb2 import Duration

    duration = Duration()
    duration.FromTimedelta(timedelta(minutes=minutes))
    return duration


def _interface(**more: types_pb2.LiteralType) -> interface_pb2.TypedInterface:
    types = {"duration": DURATION, **more}
    variables = {name: interface_pb2.Variable(type=kind) for name, kind in types.items()}
    return interface_pb2.TypedInterface(inputs=interface_pb2.VariableMap(variables=variables))
