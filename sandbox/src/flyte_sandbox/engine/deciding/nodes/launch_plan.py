"""A node that runs another launch plan as an execution of its own.

Source: flytepropeller pkg/controller/nodes/subworkflow/launchplan.go.
"""

from __future__ import annotations

from flyteidl.core import identifier_pb2
from flyteidl.event import event_pb2

from flyte_sandbox import ids
from flyte_sandbox.engine import paths
from flyte_sandbox.engine.deciding import deadlines, flow
from flyte_sandbox.engine.deciding.nodes.kind import Kind
from flyte_sandbox.engine.deciding.step import Step, node_execution_id
from flyte_sandbox.engine.failures import system_error, user_error
from flyte_sandbox.engine.messages import ChildEnded, StartChild, TerminateChild
from flyte_sandbox.engine.model import ExecutionError, NodeRun
from flyte_sandbox.phases import NODE, WORKFLOW


class LaunchPlanKind(Kind):
    counts_to_parallelism = True

    def start(self, step: Step, node: NodeRun) -> None:
        deadlines.queue(step, _name_child(node))
        step.act(_start_child(node))

    def begin_again(self, step: Step, node: NodeRun) -> None:
        """Another attempt is another execution."""
        deadlines.run_again(step, node)
        step.note(_name_child(node))
        step.act(_start_child(node))

    def resume(self, step: Step, node: NodeRun) -> None:
        # Its name follows from the node: creating it again finds the one that is there.
        step.act(_start_child(_name_child(node)))

    def stop(self, step: Step, node: NodeRun) -> None:
        cause = (
            f"cascading abort as parent execution id [{step.run.id.name}] aborted, reason [{node.stopping}]"
        )
        step.act(TerminateChild(node.child_execution, cause))
        flow.aborted(step, node, node.stopping)

    def started(self, step: Step, node: NodeRun) -> None:
        """The child exists, so that whoever follows the link finds it."""
        if node.phase == NODE.QUEUED:
            deadlines.run(step, node, workflow_node_metadata=child_metadata(node))

    def refused(self, step: Step, node: NodeRun, error: ExecutionError) -> None:
        flow.fail(step, node, error)

    def ended(self, step: Step, node: NodeRun, end: ChildEnded) -> None:
        metadata = child_metadata(node)
        if end.phase == WORKFLOW.SUCCEEDED:
            assert end.outputs is not None
            step.write(paths.outputs(node), end.outputs)
            flow.succeed(step, node, end.outputs, workflow_node_metadata=metadata)
        elif end.phase == WORKFLOW.ABORTED:
            error = user_error(
                "RemoteChildWorkflowExecutionFailed", f"launchplan [{node.child_execution}] aborted"
            )
            flow.fail(step, node, error, workflow_node_metadata=metadata)
        else:
            error = end.error or system_error("Unknown", f"launchplan [{node.child_execution}] failed")
            flow.fail(step, node, error, workflow_node_metadata=metadata)


def _name_child(node: NodeRun) -> NodeRun:
    """From now on it is this child's end that counts, not that of an attempt before."""
    run = node.scope.run
    run.by_child.pop(node.child_execution, None)
    node.child_execution = ids.child_execution_name(run.id.name, node.uid, node.attempt)
    run.by_child[node.child_execution] = node
    return node


def _start_child(node: NodeRun) -> StartChild:
    assert node.inputs is not None
    array = node.scope.parent if node.index is not None else None
    return StartChild(
        node.uid,
        # An element has no row of its own; its child's parent is the array.
        node_execution_id(array or node),
        node.child_execution,
        node.node.workflow_node.launchplan_ref,
        node.inputs,
    )


def child_metadata(node: NodeRun) -> event_pb2.WorkflowNodeMetadata:
    parent = node.scope.run.id
    child = identifier_pb2.WorkflowExecutionIdentifier(
        project=parent.project, domain=parent.domain, name=node.child_execution
    )
    return event_pb2.WorkflowNodeMetadata(execution_id=child)
