"""``if``, ``elif``, ``else``: one arm runs, the others leave no trace.

Source: flytepropeller pkg/controller/nodes/branch/handler.go.
"""

from __future__ import annotations

from flyteidl.core import literals_pb2

from flyte_sandbox.engine import paths
from flyte_sandbox.engine.deciding import deadlines, flow
from flyte_sandbox.engine.deciding.conditions import ChosenFailureError, ConditionError, choose
from flyte_sandbox.engine.deciding.nodes.kind import Kind
from flyte_sandbox.engine.deciding.step import Step
from flyte_sandbox.engine.failures import system_error, user_error
from flyte_sandbox.engine.model import ArmScope, ExecutionError, NodeRun
from flyte_sandbox.phases import NODE


class BranchKind(Kind):
    def start(self, step: Step, node: NodeRun) -> None:
        deadlines.queue(step, node)
        deadlines.run(step, node)
        self._begin_arm(step, node)

    def begin_again(self, step: Step, node: NodeRun) -> None:
        deadlines.run_again(step, node)
        self._begin_arm(step, node)

    def _begin_arm(self, step: Step, node: NodeRun) -> None:
        try:
            self.open(node)
        except ChosenFailureError as exc:
            flow.fail(step, node, user_error("UserProvidedError", str(exc)))
            return
        except ConditionError as exc:
            flow.fail(step, node, user_error("MalformedBranchUserError", str(exc)))
            return
        assert isinstance(node.child, ArmScope)
        node.child.wait_for_upstream()
        flow.consider(step, node.child.last)

    def open(self, node: NodeRun) -> None:
        """Choose the arm. The inputs are written, so choosing again after a restart chooses the same.

        :raises ChosenFailureError, ConditionError: see :func:`conditions.choose`.
        """
        assert node.inputs is not None
        node.child = ArmScope(node, choose(node.node.branch_node.if_else, node.inputs))

    def resume(self, step: Step, node: NodeRun) -> None:
        if node.phase == NODE.QUEUED:
            deadlines.run(step, node)
        if node.child is None or not node.child.last.is_started:
            self._begin_arm(step, node)

    def stop(self, step: Step, node: NodeRun) -> None:
        if flow.stop_inside(step, node):
            flow.aborted(step, node, node.stopping)

    def child_succeeded(self, step: Step, node: NodeRun, outputs: literals_pb2.LiteralMap) -> None:
        step.write(paths.outputs(node), outputs)
        flow.succeed(step, node, outputs)

    def child_failed(self, step: Step, node: NodeRun, error: ExecutionError | None) -> None:
        if node.stopping:
            flow.aborted(step, node, node.stopping)
        else:
            flow.fail(step, node, error or system_error("Unknown", "the chosen arm failed"))
