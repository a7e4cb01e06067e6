"""The workflow around a task, for an execution of that task alone.

Source: flyteadmin pkg/manager/impl/util/single_task_execution.go.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from flyteidl.core import compiler_pb2, identifier_pb2, literals_pb2, workflow_pb2

GENERATED_NAME = ".flytegen.{}"
MAX_NODE_ID = 63
DEFAULT_RETRIES = 3


def single_task_workflow(task: compiler_pb2.CompiledTask) -> workflow_pb2.WorkflowTemplate:
    """:return: not compiled yet; one node that takes the workflow's inputs and gives its outputs."""
    template = task.template
    workflow = workflow_pb2.WorkflowTemplate(id=_workflow_id(template.id), interface=template.interface)
    node = workflow.nodes.add(id=node_id(template.id.name))
    node.metadata.name = node.id
    if template.metadata.HasField("retries"):
        node.metadata.retries.CopyFrom(template.metadata.retries)
    else:
        node.metadata.retries.retries = DEFAULT_RETRIES
    node.task_node.reference_id.CopyFrom(template.id)
    node.inputs.extend(_bind("", template.interface.inputs.variables))
    workflow.outputs.extend(_bind(node.id, template.interface.outputs.variables))
    return workflow


def node_id(task_name: str) -> str:
    """The last 63 characters of the name, without those that a node id cannot have."""
    return "".join(char for char in task_name[-MAX_NODE_ID:] if char == "-" or _is_letter_or_number(char))


def _is_letter_or_number(char: str) -> bool:
    return unicodedata.category(char)[0] in "LN"


def _workflow_id(task_id: identifier_pb2.Identifier) -> identifier_pb2.Identifier:
    workflow_id = identifier_pb2.Identifier()
    workflow_id.CopyFrom(task_id)
    workflow_id.resource_type = identifier_pb2.WORKFLOW
    workflow_id.name = GENERATED_NAME.format(task_id.name)
    return workflow_id


def _bind(upstream: str, names: Iterable[str]) -> list[literals_pb2.Binding]:
    bindings = []
    for name in sorted(names):
        binding = literals_pb2.Binding(var=name)
        binding.binding.promise.node_id = upstream
        binding.binding.promise.var = name
        bindings.append(binding)
    return bindings
