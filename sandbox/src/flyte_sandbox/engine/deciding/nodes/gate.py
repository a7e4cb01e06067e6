"""Nodes that wait: for an approval, for a value, for time to pass. No process, no task execution.

Source: flytepropeller pkg/controller/nodes/gate/handler.go.
"""

from __future__ import annotations

from flyteidl.core import identifier_pb2, literals_pb2, types_pb2

from flyte_sandbox.db.times import from_micros
from flyte_sandbox.engine import paths
from flyte_sandbox.engine.deciding import deadlines, flow
from flyte_sandbox.engine.deciding.nodes.kind import Kind
from flyte_sandbox.engine.deciding.step import Step, node_execution_id
from flyte_sandbox.engine.failures import user_error
from flyte_sandbox.engine.messages import LookUpSignal, NeedSignal, SignalSet, Sleep
from flyte_sandbox.engine.model import NodeRun
from flyte_sandbox.phases import NODE

_BOOLEAN = types_pb2.LiteralType(simple=types_pb2.BOOLEAN)
_REJECTED = "received a reject signal to disapprove the node input values"


class GateKind(Kind):
    def start(self, step: Step, node: NodeRun) -> None:
        deadlines.queue(step, node)
        deadlines.run(step, node)
        self._wait(step, node)

    def begin_again(self, step: Step, node: NodeRun) -> None:
        deadlines.run_again(step, node)
        self._wait(step, node)

    def resume(self, step: Step, node: NodeRun) -> None:
        if node.phase == NODE.QUEUED:
            deadlines.run(step, node)
        self._wait(step, node)

    def _wait(self, step: Step, node: NodeRun) -> None:
        gate = node.node.gate_node
        if gate.HasField("sleep"):
            since = from_micros(node.attempt_since) if node.attempt_since else None
            duration = gate.sleep.duration.ToTimedelta()
            step.act(Sleep(node_execution_id(node), node.attempt, duration, since))
            return
        id, type = _signal(node)
        step.decision.records.append(NeedSignal(id, type))
        # The value may be there already, given for another gate of the same name.
        step.act(LookUpSignal(node.uid, id))

    def stop(self, step: Step, node: NodeRun) -> None:
        flow.aborted(step, node, node.stopping)

    def woken(self, step: Step, node: NodeRun) -> None:
        self._open(step, node, literals_pb2.LiteralMap())

    def signalled(self, step: Step, node: NodeRun, signal: SignalSet) -> None:
        gate = node.node.gate_node
        if gate.HasField("signal"):
            output = {gate.signal.output_variable_name: signal.value}
            self._open(step, node, literals_pb2.LiteralMap(literals=output))
        elif signal.value.scalar.primitive.boolean:
            assert node.inputs is not None
            self._open(step, node, node.inputs)
        else:
            flow.fail(step, node, user_error("ReceivedRejectSignal", _REJECTED))

    def _open(self, step: Step, node: NodeRun, outputs: literals_pb2.LiteralMap) -> None:
        step.write(paths.outputs(node), outputs)
        flow.succeed(step, node, outputs)


def signal_id_of(node: NodeRun) -> str:
    """Two gates of one execution with the same id share the value."""
    gate = node.node.gate_node
    return str(gate.signal.signal_id if gate.HasField("signal") else gate.approve.signal_id)


def _signal(node: NodeRun) -> tuple[identifier_pb2.SignalIdentifier, types_pb2.LiteralType]:
    gate = node.node.gate_node
    id = identifier_pb2.SignalIdentifier(signal_id=signal_id_of(node), execution_id=node.scope.run.id)
    return id, gate.signal.type if gate.HasField("signal") else _BOOLEAN
