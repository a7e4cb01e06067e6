"""Map tasks: one node, one task execution, and an element for each item of the lists.

The elements are task nodes without rows. What changes about them is told once per decision, as the array's
task execution, and kept in the notes of the array's row.
Source: flytepropeller pkg/controller/nodes/array.
"""

from __future__ import annotations

from typing import Any

from flyteidl.core import tasks_pb2
from flyteidl.event import event_pb2

from flyte_sandbox.engine import deadlines, flow, paths
from flyte_sandbox.engine import elements as rules
from flyte_sandbox.engine.interruptible import instance_class
from flyte_sandbox.engine.model import ElementScope, ExecutionError, NodeRun
from flyte_sandbox.engine.nodes import kind_of
from flyte_sandbox.engine.nodes.kind import Kind
from flyte_sandbox.engine.step import (
    Step,
    apply_element_notes,
    node_execution_id,
    system_error,
    user_error,
)
from flyte_sandbox.phases import NODE, TASK

_TASK_TYPE = "container_array"
_PLUGIN = "k8s-array"
_ARRAY = {"is_array": True}


class ArrayKind(Kind):
    counts_to_parallelism = True

    # ---- beginning

    def start(self, step: Step, node: NodeRun) -> None:
        deadlines.queue(step, node, **_ARRAY)
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
        scope = ElementScope(node, rules.size_of(node.inputs, bound))
        for index, element in enumerate(scope.elements):
            element.inputs = rules.inputs_of(node.inputs, bound, index)
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
        limit = node.node.array_node.parallelism
        running = len(_scope(node).active())
        for element in _elements(node):
            if limit and running >= limit:
                return
            if not element.is_started:
                element.is_started = True
                kind_of(element).start(step, element)
                running += not element.is_terminal

    # ---- ending

    def element_ended(self, step: Step, node: NodeRun, element: NodeRun) -> None:
        if element.phase == NODE.FAILED:
            _scope(node).error = _scope(node).error or ExecutionError()
        if not node.is_terminal:
            self._stop_if_hopeless(step, node)
            self._go_on(step, node)

    def _stop_if_hopeless(self, step: Step, node: NodeRun) -> None:
        scope = _scope(node)
        failed = sum(element.phase == NODE.FAILED for element in scope.elements)
        needed = rules.min_successes(node.node.array_node, len(scope.elements))
        if not scope.is_failing and len(scope.elements) - failed < needed:
            scope.is_failing = True
            flow.stop_all(step, scope.active(), "array node failed")

    def _end_if_done(self, step: Step, node: NodeRun) -> None:
        scope = _scope(node)
        if scope.active() or node.is_terminal:
            return
        if node.stopping:
            self._tell(
                step, node, TASK.ABORTED, scope.elements, error=system_error("Task Aborted", node.stopping)
            )
            flow.aborted(step, node, node.stopping, **_ARRAY)
        elif scope.is_failing:
            self._fail(step, node)
        elif all(element.is_terminal for element in scope.elements):
            self._succeed(step, node)

    def _succeed(self, step: Step, node: NodeRun) -> None:
        elements = _elements(node)
        outputs = rules.outputs_of(
            _template(node).interface.outputs.variables, (element.outputs for element in elements)
        )
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
            task_id=_template(node).id,
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


def _template(node: NodeRun) -> tasks_pb2.TaskTemplate:
    return node.scope.library.task(node.node.array_node.node.task_node.reference_id)


def _resource(node: NodeRun, element: NodeRun) -> event_pb2.ExternalResourceInfo:
    logs = _scope(node).changed.get(element.index or 0, [])
    for log in logs:
        log.name = f"{log.name}-{element.index}"
    return event_pb2.ExternalResourceInfo(
        external_id=f"{paths.generated_name(node, node.attempt)}-n{element.index}-{element.attempt}",
        index=element.index,
        retry_attempt=element.attempt,
        phase=element.task_phase,
        logs=logs,
        cache_status=element.cache_status,
    )
