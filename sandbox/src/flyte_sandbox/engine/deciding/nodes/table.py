"""The kinds by the name of the node's target. Apart from ``kind_of`` because kinds and ``flow`` call each
other.
"""

from __future__ import annotations

from flyte_sandbox.engine.deciding.nodes.array import ArrayKind
from flyte_sandbox.engine.deciding.nodes.branch import BranchKind
from flyte_sandbox.engine.deciding.nodes.end import EndKind
from flyte_sandbox.engine.deciding.nodes.gate import GateKind
from flyte_sandbox.engine.deciding.nodes.kind import Kind
from flyte_sandbox.engine.deciding.nodes.launch_plan import LaunchPlanKind
from flyte_sandbox.engine.deciding.nodes.subworkflow import SubWorkflowKind
from flyte_sandbox.engine.deciding.nodes.task import TaskKind
from flyte_sandbox.engine.deciding.nodes.unsupported import UnsupportedKind

KINDS: dict[str, Kind] = {
    "task_node": TaskKind(),
    "sub_workflow_ref": SubWorkflowKind(),
    "launchplan_ref": LaunchPlanKind(),
    "array_node": ArrayKind(),
    "branch_node": BranchKind(),
    "gate_node": GateKind(),
    "end": EndKind(),
    "unsupported": UnsupportedKind(),
}
