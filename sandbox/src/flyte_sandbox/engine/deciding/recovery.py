"""Takes over what an earlier execution has done already, node by node. Pure.

A node that had succeeded there is RECOVERED here, with its outputs and without running. Of the others, a
dynamic task that had yielded its nodes does not yield them again, and a task begins from its checkpoint.
Nodes are the same when their unique ids are. A failure handler always runs anew.
Source: flytepropeller pkg/controller/nodes/executor.go attemptRecovery.
"""

from __future__ import annotations

from flyteidl.event import event_pb2

from flyte_sandbox.engine import paths
from flyte_sandbox.engine.deciding import flow
from flyte_sandbox.engine.deciding.step import Step
from flyte_sandbox.engine.messages import Recovered, RecoveryLooked
from flyte_sandbox.engine.model import NodeRun
from flyte_sandbox.phases import NODE


def looked(step: Step, node: NodeRun, answer: RecoveryLooked) -> None:
    if node.phase != NODE.UNDEFINED:
        return  # Asked twice, before and after a commit that failed.
    found = answer.found
    if found is not None and found.outputs is not None:
        _take_over(step, node, found)
        return
    if found is not None:
        _take_over_beginning(step, node, found)
    flow.begin_node(step, node)


def _take_over(step: Step, node: NodeRun, found: Recovered) -> None:
    assert found.outputs is not None
    node.inputs = found.inputs
    step.write(paths.inputs(node), found.inputs)
    step.write(paths.outputs(node), found.outputs)
    fields: dict[str, object] = {
        "is_parent": found.metadata.is_parent_node,
        "is_dynamic": found.metadata.is_dynamic,
        "is_array": found.metadata.is_array,
    }
    if found.deck is not None:
        step.write_bytes(paths.deck(node), found.deck)
        fields["deck_uri"] = paths.deck(node)
    if found.closure.HasField("workflow_node_metadata"):
        child = found.closure.workflow_node_metadata.executionId
        fields["workflow_node_metadata"] = event_pb2.WorkflowNodeMetadata(execution_id=child)
    elif node.node.HasField("task_node"):
        fields["task_node_metadata"] = _task_metadata(step, node, found)
    flow.recovered(step, node, found.outputs, **fields)


def _task_metadata(step: Step, node: NodeRun, found: Recovered) -> event_pb2.TaskNodeMetadata:
    old = found.closure.task_node_metadata
    metadata = event_pb2.TaskNodeMetadata(cache_status=old.cache_status, checkpoint_uri=old.checkpoint_uri)
    if old.HasField("catalog_key"):
        metadata.catalog_key.CopyFrom(old.catalog_key)
    if found.dynamic is not None:
        _copy_dynamic(step, node, found)
        metadata.dynamic_workflow.id.CopyFrom(found.dynamic.primary.template.id)
        metadata.dynamic_workflow.dynamic_job_spec_uri = paths.futures(node)
    return metadata


def _take_over_beginning(step: Step, node: NodeRun, found: Recovered) -> None:
    node.recovered_checkpoint = found.closure.task_node_metadata.checkpoint_uri
    if found.dynamic is not None:
        _copy_dynamic(step, node, found)
        node.dynamic = found.dynamic


def _copy_dynamic(step: Step, node: NodeRun, found: Recovered) -> None:
    assert found.dynamic is not None
    step.write_bytes(paths.futures(node), found.futures)
    step.write_bytes(paths.dynamic_closure(node), found.dynamic.SerializeToString())
