"""A workflow inside a workflow. Source: flytepropeller pkg/controller/nodes/subworkflow/subworkflow.go."""

from __future__ import annotations

from flyteidl.core import literals_pb2

from flyte_sandbox.engine import paths
from flyte_sandbox.engine.deciding import deadlines, flow
from flyte_sandbox.engine.deciding.nodes.kind import Kind
from flyte_sandbox.engine.deciding.step import Step
from flyte_sandbox.engine.failures import system_error
from flyte_sandbox.engine.model import ExecutionError, NodeRun, Scope
from flyte_sandbox.phases import NODE


class SubWorkflowKind(Kind):
    def start(self, step: Step, node: NodeRun) -> None:
        deadlines.queue(step, node, is_parent=True)
        deadlines.run(step, node, is_parent=True)
        self._begin_inside(step, node)

    def _begin_inside(self, step: Step, node: NodeRun) -> None:
        self.open(node)
        assert node.child is not None
        flow.begin_scope(step, node.child)

    def begin_again(self, step: Step, node: NodeRun) -> None:
        deadlines.run_again(step, node)
        self._begin_inside(step, node)

    def open(self, node: NodeRun) -> None:
        """Give the node its scope, without beginning it."""
        assert node.inputs is not None
        library = node.scope.library
        workflow = library.workflow(node.node.workflow_node.sub_workflow_ref)
        node.child = Scope(node.scope.run, workflow, node.inputs, library, node, node.attempt)

    def resume(self, step: Step, node: NodeRun) -> None:
        if node.phase == NODE.QUEUED:
            deadlines.run(step, node, is_parent=True)
        if node.child is None:
            self.open(node)
        assert node.child is not None
        if not any(one.is_started for one in node.child.nodes.values()):
            flow.begin_scope(step, node.child)

    def stop(self, step: Step, node: NodeRun) -> None:
        if flow.stop_inside(step, node):
            flow.aborted(step, node, node.stopping, is_parent=True)

    def child_succeeded(self, step: Step, node: NodeRun, outputs: literals_pb2.LiteralMap) -> None:
        step.write(paths.outputs(node), outputs)
        flow.succeed(step, node, outputs, is_parent=True)

    def child_failed(self, step: Step, node: NodeRun, error: ExecutionError | None) -> None:
        """The failure of a node inside is the node's own, unchanged, and is never retried."""
        if node.stopping:
            flow.aborted(step, node, node.stopping, is_parent=True)
        else:
            flow.fail(step, node, error or system_error("Unknown", "subworkflow failed"), is_parent=True)
