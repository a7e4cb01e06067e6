"""Map tasks: one node, one task execution, and an element for each item of the lists.

The elements are task nodes without rows. What changes about them is told once per decision, as the array's
task execution, and kept in the notes of the array's row.
Source: flytepropeller pkg/controller/nodes/array.
"""

from __future__ import annotations

from typing import Any

from flyteidl.core import identifier_pb2, literals_pb2
from flyteidl.event import event_pb2

from flyte_sandbox.engine import paths
from flyte_sandbox.engine.deciding import deadlines, flow
from flyte_sandbox.engine.deciding import elements as rules
from flyte_sandbox.engine.deciding.interruptible import instance_class
from flyte_sandbox.engine.deciding.nodes import kind_of
from flyte_sandbox.engine.deciding.nodes.kind import Kind
from flyte_sandbox.engine.deciding.nodes.launch_plan import child_metadata
from flyte_sandbox.engine.deciding.notes import apply_element_notes
from flyte_sandbox.engine.deciding.step import Step, node_execution_id
from flyte_sandbox.engine.failures import system_error, user_error
from flyte_sandbox.engine.model import ElementScope, ExecutionError, NodeRun
from flyte_sandbox.phases import NODE, TASK

_TASK_TYPE = "container_array"
_PLUGIN = "k8s-array"
_ARRAY = {"is_array": True}
_NOTHING = literals_pb2.LiteralMap()
_TASK_PHASES = {
    NODE.QUEUED: TASK.QUEUED,
    NODE.RUNNING: TASK.RUNNING,
    NODE.SUCCEEDED: TASK.SUCCEEDED,
    NODE.FAILED: TASK.FAILED,
    NODE.ABORTED: TASK.ABORTED,
}
"""How an element without a task, an execution of a launch plan, looks among those with one."""


class ArrayKind(Kind):
    counts_to_parallelism = True

    # ---- beginning

    def start(self, step: Step, node: NodeRun) -> None:
        deadlines.queue(step, node, **_ARRAY)
        if not _is_supported(node):
            message = "only tasks and launch plans can be mapped over; wrap a workflow into a launch plan"
            flow.fail(step, node, user_error("ArrayNodeUnsupported", message), **_ARRAY)
            return
        try:
            self.open(node)
        except rules.ArrayLengthError as exc:
            flow.fail(step, node, user_error("InvalidArrayLength", str(exc)), **_ARRAY)
            return
        self._tell(step, node, TASK.QUEUED, _elements(node))
        deadlines.run(step, node, **_ARRAY)
        self._go_on(step, node)

    def begin_again(self, step: Step, node: NodeRun) -> None:
        deadlines.run_again(step, node)
        node.task_phase, node.element_notes = TASK.UNDEFINED, {}
        self.open(node)
        self._tell(step, node, TASK.QUEUED, _elements(node))
        self._go_on(step, node)

    def open(self, node: NodeRun) -> None:
        """:raises ArrayLengthError: when the lists do not go together."""
        assert node.inputs is not None
        bound = node.node.array_node.bound_inputs
        inputs = rules.with_lists(node.inputs, node.scope.run.fetch)
        scope = ElementScope(node, rules.size_of(inputs, bound))
        for index, element in enumerate(scope.elements):
            element.inputs = rules.inputs_of(inputs, bound, index)
        apply_element_notes(scope, node.element_notes)
        node.child = scope

    def resume(self, step: Step, node: NodeRun) -> None:
        if node.phase == NODE.QUEUED:
            deadlines.run(step, node, **_ARRAY)
        for element in _scope(node).active():
            kind_of(element).resume(step, element)
        self._go_on(step, node)

    def _go_on(self, step: Step, node: NodeRun) -> None:
        """Begin as many elements as may run at once, or end when enough of them have."""
        if not node.stopping and not _scope(node).is_failing:
            self._begin_elements(step, node)
        self._end_if_done(step, node)

    def _begin_elements(self, step: Step, node: NodeRun) -> None:
        """In their order. One that ends at once, because its outputs are known, comes back to here."""
        limit, scope = node.node.array_node.parallelism, _scope(node)
        while scope.following < len(scope.elements):
            if limit and scope.begun - scope.ended >= limit:
                return
            element = scope.elements[scope.following]
            scope.following += 1
            if not element.is_started:
                element.is_started = True
                scope.begun += 1
                kind_of(element).start(step, element)

    # ---- ending

    def element_ended(self, step: Step, node: NodeRun, element: NodeRun) -> None:
        scope = _scope(node)
        scope.ended += 1
        scope.failed += element.phase == NODE.FAILED
        if not node.is_terminal:
            self._stop_if_hopeless(step, node)
            self._go_on(step, node)

    def _stop_if_hopeless(self, step: Step, node: NodeRun) -> None:
        scope, array = _scope(node), node.node.array_node
        needed = rules.min_successes(array, len(scope.elements))
        is_hopeless = len(scope.elements) - scope.failed < needed
        if is_hopeless and not scope.is_failing and not array.run_all_sub_nodes:
            scope.is_failing = True
            flow.stop_all(step, scope.active(), "array node failed")

    def _end_if_done(self, step: Step, node: NodeRun) -> None:
        scope = _scope(node)
        is_winding_up = bool(node.stopping) or scope.is_failing
        if node.is_terminal or (scope.active() if is_winding_up else scope.ended < len(scope.elements)):
            return
        if node.stopping:
            self._tell(
                step, node, TASK.ABORTED, scope.elements, error=system_error("Task Aborted", node.stopping)
            )
            flow.aborted(step, node, node.stopping, **_ARRAY)
        elif scope.is_failing or _has_failed(node):
            self._fail(step, node)
        else:
            self._succeed(step, node)

    def _succeed(self, step: Step, node: NodeRun) -> None:
        elements = _elements(node)
        outputs = rules.outputs_of(_output_names(node), (element.outputs for element in elements))
        step.write(paths.outputs(node), outputs)
        self._tell(step, node, TASK.SUCCEEDED, elements, output_uri=paths.outputs(node))
        flow.succeed(step, node, outputs, **_ARRAY)

    def _fail(self, step: Step, node: NodeRun) -> None:
        """Kind and code of the first failure; the real one leaves them empty."""
        elements = _elements(node)
        errors = [(element.index or 0, element.error) for element in elements if element.error is not None]
        message = rules.describe_failures((index, error.message) for index, error in errors)
        first = errors[0][1] if errors else ExecutionError()
        error = ExecutionError(code=first.code, kind=first.kind, message=message)
        self._tell(step, node, TASK.FAILED, elements, error=error)
        flow.fail(step, node, error, **_ARRAY)

    # ---- being stopped

    def stop(self, step: Step, node: NodeRun) -> None:
        flow.stop_all(step, _scope(node).active(), node.stopping)
        self._end_if_done(step, node)

    # ---- telling

    def flush(self, step: Step, node: NodeRun) -> None:
        """Tell of the elements that have changed in this decision, and note them in the row."""
        if node.is_terminal:
            return
        scope = _scope(node)
        changed = [scope.elements[index] for index in sorted(scope.changed)]
        self._tell(step, node, TASK.RUNNING, changed)
        step.note(node)

    def _tell(self, step: Step, node: NodeRun, phase: int, elements: list[NodeRun], **fields: Any) -> None:
        scope = _scope(node)
        node.task_version = node.task_version + 1 if node.task_phase == phase else 0
        metadata = event_pb2.TaskExecutionMetadata(
            generated_name=paths.generated_name(node, node.attempt),
            plugin_identifier=_PLUGIN,
            instance_class=instance_class(node),
            external_resources=[_resource(node, element) for element in elements],
        )
        scope.changed.clear()
        stamp = step.stamp()
        error = fields.pop("error", None)
        event = event_pb2.TaskExecutionEvent(
            task_id=_task_id(node),
            parent_node_execution_id=node_execution_id(node),
            retry_attempt=node.attempt,
            phase=phase,
            phase_version=node.task_version,
            producer_id="flyte-sandbox",
            occurred_at=stamp,
            reported_at=stamp,
            task_type=_TASK_TYPE,
            event_version=1,
            input_uri=paths.inputs(node),
            metadata=metadata,
            **fields,
        )
        if error is not None:
            event.error.CopyFrom(error)
        node.task_phase = phase
        step.decision.records.append(event)


def _scope(node: NodeRun) -> ElementScope:
    assert isinstance(node.child, ElementScope)
    return node.child


def _elements(node: NodeRun) -> list[NodeRun]:
    return _scope(node).elements


def _is_supported(node: NodeRun) -> bool:
    inner = node.node.array_node.node
    return bool(inner.HasField("task_node") or inner.workflow_node.HasField("launchplan_ref"))


def _has_failed(node: NodeRun) -> bool:
    scope = _scope(node)
    size = len(scope.elements)
    return size - scope.failed < rules.min_successes(node.node.array_node, size)


def _output_names(node: NodeRun) -> list[str]:
    """A launch plan's interface is not at hand: what its executions gave, or else what is asked of them."""
    inner = node.node.array_node.node
    if inner.HasField("task_node"):
        return list(node.scope.library.task(inner.task_node.reference_id).interface.outputs.variables)
    given = [name for element in _elements(node) for name in (element.outputs or _NOTHING).literals]
    return list(dict.fromkeys(given)) or rules.names_asked_of(node.id, node.scope.workflow.template)


def _task_id(node: NodeRun) -> identifier_pb2.Identifier:
    """Of the one task execution. For launch plans, which have no task, it is named after theirs."""
    inner = node.node.array_node.node
    if inner.HasField("task_node"):
        return inner.task_node.reference_id
    id = identifier_pb2.Identifier()
    id.CopyFrom(inner.workflow_node.launchplan_ref)
    id.resource_type = identifier_pb2.TASK
    return id


def _resource(node: NodeRun, element: NodeRun) -> event_pb2.ExternalResourceInfo:
    logs = _scope(node).changed.get(element.index or 0, [])
    for log in logs:
        log.name = f"{log.name}-{element.index}"
    resource = event_pb2.ExternalResourceInfo(
        external_id=f"{paths.generated_name(node, node.attempt)}-n{element.index}-{element.attempt}",
        index=element.index,
        retry_attempt=element.attempt,
        phase=element.task_phase or _TASK_PHASES.get(element.phase, TASK.UNDEFINED),
        logs=logs,
        cache_status=element.cache_status,
    )
    if element.child_execution:
        resource.workflow_node_metadata.CopyFrom(child_metadata(element))
    return resource
