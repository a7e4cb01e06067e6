"""Node kinds that this release compiles but does not run yet: a clear refusal instead of silence."""

from __future__ import annotations

from flyte_sandbox.engine.deciding import flow
from flyte_sandbox.engine.deciding.nodes.kind import Kind
from flyte_sandbox.engine.deciding.step import Step
from flyte_sandbox.engine.failures import user_error
from flyte_sandbox.engine.model import NodeRun


class UnsupportedKind(Kind):
    def start(self, step: Step, node: NodeRun) -> None:
        kind = (node.node.WhichOneof("target") or "unknown").replace("_", " ")
        message = f"Node '{node.id}' is a {kind}, which this release of flyte-sandbox does not run yet."
        flow.fail(step, node, user_error("NodeKindUnsupported", message))

    def resume(self, step: Step, node: NodeRun) -> None:
        raise AssertionError("ends in the step in which it begins")

    def stop(self, step: Step, node: NodeRun) -> None:
        raise AssertionError("ends in the step in which it begins")
