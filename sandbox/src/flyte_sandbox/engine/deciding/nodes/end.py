"""``end-node``: its inputs are the workflow's outputs."""

from __future__ import annotations

from flyte_sandbox.engine import paths
from flyte_sandbox.engine.deciding import flow
from flyte_sandbox.engine.deciding.nodes.kind import Kind
from flyte_sandbox.engine.deciding.step import Step
from flyte_sandbox.engine.model import NodeRun
from flyte_sandbox.phases import NODE


class EndKind(Kind):
    def start(self, step: Step, node: NodeRun) -> None:
        assert node.inputs is not None
        step.node(node, NODE.QUEUED)
        step.write(paths.outputs(node), node.inputs)
        flow.succeed(step, node, node.inputs)

    def resume(self, step: Step, node: NodeRun) -> None:
        raise AssertionError("end-node begins and ends in one step")

    def stop(self, step: Step, node: NodeRun) -> None:
        raise AssertionError("end-node begins and ends in one step")
