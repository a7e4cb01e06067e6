"""Whether a task would run on a machine that can be taken away. Here that is only said, not done. Pure.

Source: flytepropeller pkg/controller/nodes/node_exec_context.go.
"""

from __future__ import annotations

from typing import Any

from flyteidl.event import event_pb2

from flyte_sandbox.engine.deciding.retrying import MAX_SYSTEM_FAILURES
from flyte_sandbox.engine.model import NodeRun

_Metadata = event_pb2.TaskExecutionMetadata


def instance_class(node: NodeRun) -> Any:
    """The last attempt after failures of the system would get a machine that stays."""
    is_interruptible = _is_asked_for(node) and node.system_failures < MAX_SYSTEM_FAILURES
    return _Metadata.INTERRUPTIBLE if is_interruptible else _Metadata.DEFAULT


def _is_asked_for(node: NodeRun) -> bool:
    """The node says, else the execution with its launch plan, else the workflow; sub-workflows do not."""
    node_metadata = node.node.metadata
    if node.node.HasField("array_node"):
        node_metadata = node.node.array_node.node.metadata
    if node_metadata.HasField("interruptible"):
        return bool(node_metadata.interruptible)
    run = node.scope.run
    if run.spec.HasField("interruptible"):
        return bool(run.spec.interruptible.value)
    return bool(run.root.workflow.template.metadata_defaults.interruptible)
