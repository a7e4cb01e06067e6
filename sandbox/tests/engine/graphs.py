"""Small workflows built by hand, and a way to step the engine's rules through them without any process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone

from flyteidl.admin import execution_pb2
from flyteidl.core import (
    compiler_pb2,
    identifier_pb2,
    interface_pb2,
    literals_pb2,
    tasks_pb2,
    types_pb2,
    workflow_pb2,
)
from flyteidl.core import (
    execution_pb2 as core_execution_pb2,
)
from flyteidl.event import event_pb2

from flyte_sandbox.compiler.identifiers import identifier_key
from flyte_sandbox.compiler.workflows import compile_workflow
from flyte_sandbox.engine.deciding.decide import decide, flush
from flyte_sandbox.engine.deciding.step import Step
from flyte_sandbox.engine.messages import AttemptEnded, AttemptStarted, Begin, Message, NodeEvent, Outcome
from flyte_sandbox.engine.model import ExecutionError, Run

TEXT = types_pb2.LiteralType(simple=types_pb2.STRING)
EXECUTION = identifier_pb2.WorkflowExecutionIdentifier(
    project="flytesnacks", domain="development", name="a2b3c4d5e6f7g8h9i0jk"
)
NODE_PHASE = core_execution_pb2.NodeExecution.Phase.Name
TASK_PHASE = core_execution_pb2.TaskExecution.Phase.Name
WORKFLOW_PHASE = core_execution_pb2.WorkflowExecution.Phase.Name


def literal(text: str) -> literals_pb2.Literal:
    primitive = literals_pb2.Primitive(string_value=text)
    return literals_pb2.Literal(scalar=literals_pb2.Scalar(primitive=primitive))


def literals(**values: str) -> literals_pb2.LiteralMap:
    return literals_pb2.LiteralMap(literals={name: literal(value) for name, value in values.items()})


def variables(*names: str) -> interface_pb2.VariableMap:
    return interface_pb2.VariableMap(variables={name: interface_pb2.Variable(type=TEXT) for name in names})


def identifier(kind: int, name: str) -> identifier_pb2.Identifier:
    return identifier_pb2.Identifier(
        resource_type=kind, project="flytesnacks", domain="development", name=name, version="v1"
    )


def echo_task(retries: int = 0, cached: bool = False) -> compiler_pb2.CompiledTask:
    """``text`` in, ``o0`` out."""
    metadata = tasks_pb2.TaskMetadata(
        retries=literals_pb2.RetryStrategy(retries=retries), discoverable=cached, discovery_version="1"
    )
    template = tasks_pb2.TaskTemplate(
        id=identifier(identifier_pb2.TASK, "echo"),
        type="python-task",
        metadata=metadata,
        interface=interface_pb2.TypedInterface(inputs=variables("text"), outputs=variables("o0")),
        container=tasks_pb2.Container(image="any", args=["true"]),
    )
    return compiler_pb2.CompiledTask(template=template)


def promise(var: str, node_id: str, output: str) -> literals_pb2.Binding:
    reference = types_pb2.OutputReference(node_id=node_id, var=output)
    return literals_pb2.Binding(var=var, binding=literals_pb2.BindingData(promise=reference))


def task_node(node_id: str, source: tuple[str, str], after: Iterable[str] = ()) -> workflow_pb2.Node:
    """:param source: node and output that ``text`` comes from; an empty node is the workflow's input."""
    reference = workflow_pb2.TaskNode(reference_id=identifier(identifier_pb2.TASK, "echo"))
    return workflow_pb2.Node(
        id=node_id,
        metadata=workflow_pb2.NodeMetadata(name=f"echo {node_id}"),
        inputs=[promise("text", *source)],
        upstream_node_ids=sorted({*after, *([source[0]] if source[0] else [])}),
        task_node=reference,
    )


def template(
    nodes: Iterable[workflow_pb2.Node],
    output: tuple[str, str],
    name: str = "wf",
    on_failure: int = workflow_pb2.WorkflowMetadata.FAIL_IMMEDIATELY,
    failure_node: workflow_pb2.Node | None = None,
) -> workflow_pb2.WorkflowTemplate:
    return workflow_pb2.WorkflowTemplate(
        id=identifier(identifier_pb2.WORKFLOW, name),
        metadata=workflow_pb2.WorkflowMetadata(on_failure=on_failure),
        interface=interface_pb2.TypedInterface(inputs=variables("text"), outputs=variables("o0")),
        nodes=nodes,
        outputs=[promise("o0", *output)],
        failure_node=failure_node,
    )


class Stepper:
    """Feeds messages to a run and remembers what was decided, in words.

    :param template: of the workflow to run.
    """

    def __init__(
        self,
        template: workflow_pb2.WorkflowTemplate,
        sub_workflows: Iterable[workflow_pb2.WorkflowTemplate] = (),
        task: compiler_pb2.CompiledTask | None = None,
        spec: execution_pb2.ExecutionSpec | None = None,
        launch_plans: Mapping[tuple[str, str, str, str], object] | None = None,
    ) -> None:
        task = task or echo_task()
        tasks = {identifier_key(task.template.id): task}
        closure = compile_workflow(template, list(sub_workflows), tasks, launch_plans or {})
        spec = spec or execution_pb2.ExecutionSpec()
        spec.raw_output_data_config.output_location_prefix = "s3://my-s3-bucket/data"
        self.run = Run(EXECUTION, spec, closure, literals(text="in"))
        self.now = datetime(2026, 1, 1, tzinfo=timezone.utc)
        self.log: list[str] = []
        self.acts: list[object] = []
        self.files: dict[str, bytes] = {}
        self.events: list[object] = []

    def send(self, message: Message) -> list[str]:
        """:return: what this message alone brought about."""
        self.now += timedelta(seconds=1)
        step = Step(self.run, self.now)
        decide(step, message)
        flush(step)
        told = [text for record in step.decision.records if (text := _in_words(record))]
        self.log += told
        self.acts += step.decision.acts
        self.files |= step.decision.files
        self.events += step.decision.records
        return told

    def begin(self) -> list[str]:
        return self.send(Begin())

    def started(self, uid: str, attempt: int = 0) -> list[str]:
        return self.send(AttemptStarted(uid, attempt, self.now))

    def succeed(self, uid: str, attempt: int = 0, text: str = "out") -> list[str]:
        self.started(uid, attempt)
        return self.send(AttemptEnded(uid, attempt, Outcome(outputs=literals(o0=text))))

    def fail(
        self,
        uid: str,
        attempt: int = 0,
        recoverable: bool = False,
        kind: int = ExecutionError.USER,
        code: str = "USER:Boom",
    ) -> list[str]:
        self.started(uid, attempt)
        error = ExecutionError(code=code, message="boom", kind=kind)
        return self.send(AttemptEnded(uid, attempt, Outcome(error=error, is_recoverable=recoverable)))

    @property
    def phase(self) -> str:
        return WORKFLOW_PHASE(self.run.phase)

    def acts_of(self, kind: type) -> list[object]:
        return [act for act in self.acts if isinstance(act, kind)]


def _in_words(record: object) -> str:
    match record:
        case NodeEvent():
            return f"{record.event.id.node_id} {NODE_PHASE(record.event.phase)}"
        case event_pb2.TaskExecutionEvent():
            node = record.parent_node_execution_id.node_id
            return f"{node}/{record.retry_attempt} {TASK_PHASE(record.phase)}"
        case event_pb2.WorkflowExecutionEvent():
            return f"workflow {WORKFLOW_PHASE(record.phase)}"
        case _:
            return ""
