"""Compiles a workflow template with its sub-workflows into the closure that clients and the engine read.

Source: flytepropeller pkg/compiler/workflow_compiler.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flyteidl.admin import launch_plan_pb2, workflow_pb2
from flyteidl.core import compiler_pb2, identifier_pb2
from flyteidl.core import workflow_pb2 as core_workflow_pb2

from flyte_sandbox.compiler.compile_errors import CompileError, CompileErrors
from flyte_sandbox.compiler.identifiers import Key

__all__ = [
    "CompileError",
    "CompileErrors",
    "References",
    "compile_workflow",
    "references",
    "single_task_workflow",
]

START_NODE = "start-node"
END_NODE = "end-node"


@dataclass(frozen=True)
class References:
    tasks: list[identifier_pb2.Identifier] = field(default_factory=list)
    launch_plans: list[identifier_pb2.Identifier] = field(default_factory=list)


def references(spec: workflow_pb2.WorkflowSpec) -> References:
    found = References()
    for template in (spec.template, *spec.sub_workflows):
        for node in template.nodes:
            if node.WhichOneof("target") == "task_node":
                found.tasks.append(node.task_node.reference_id)
            elif node.workflow_node.HasField("launchplan_ref"):
                found.launch_plans.append(node.workflow_node.launchplan_ref)
    return found


def compile_workflow(
    template: core_workflow_pb2.WorkflowTemplate,
    sub_workflows: Sequence[core_workflow_pb2.WorkflowTemplate],
    tasks: Mapping[Key, compiler_pb2.CompiledTask],
    launch_plans: Mapping[Key, launch_plan_pb2.LaunchPlan],
    *,
    max_nodes: int = 0,
) -> compiler_pb2.CompiledWorkflowClosure:
    if not template.nodes:
        raise CompileErrors(
            f"failed to compile workflow for [{template.id}] with err: ",
            [CompileError("NoNodesFound", str(template.id), "Can't find any nodes in workflow")],
        )
    return compiler_pb2.CompiledWorkflowClosure(
        primary=_compile(template),
        sub_workflows=[_compile(sub) for sub in sub_workflows],
        tasks=[tasks[key] for key in sorted(tasks)],
    )


def _compile(template: core_workflow_pb2.WorkflowTemplate) -> compiler_pb2.CompiledWorkflow:
    compiled = compiler_pb2.CompiledWorkflow(template=template)
    nodes = list(compiled.template.nodes)
    del compiled.template.nodes[:]
    compiled.template.nodes.add(id=START_NODE)
    compiled.template.nodes.add(id=END_NODE, inputs=template.outputs)
    compiled.template.nodes.extend(nodes)
    compiled.template.interface.inputs.SetInParent()
    compiled.template.interface.outputs.SetInParent()
    upstream: dict[str, set[str]] = {}
    for node in compiled.template.nodes:
        ids = set(node.upstream_node_ids)
        for binding in node.inputs:
            for promise in _promises(binding.binding):
                promise.node_id = promise.node_id or START_NODE
                ids.add(promise.node_id)
        upstream[node.id] = ids
    has_downstream = {provider for ids in upstream.values() for provider in ids}
    for node in nodes:
        upstream[node.id] = upstream[node.id] or {START_NODE}
        if node.id not in has_downstream:
            upstream[END_NODE].add(node.id)
    for dependent in sorted(upstream):
        for provider in sorted(upstream[dependent]):
            compiled.connections.upstream[dependent].ids.append(provider)
            compiled.connections.downstream[provider].ids.append(dependent)
    return compiled


def _promises(binding: Any) -> Iterator[Any]:
    kind = binding.WhichOneof("value")
    if kind == "promise":
        yield binding.promise
    elif kind == "collection":
        for item in binding.collection.bindings:
            yield from _promises(item)
    elif kind == "map":
        for item in binding.map.bindings.values():
            yield from _promises(item)


def single_task_workflow(task: compiler_pb2.CompiledTask) -> core_workflow_pb2.WorkflowTemplate:
    """The workflow ``.flytegen.<name>`` around one task, for an execution of a task."""
    task_id = task.template.id
    node_id = "".join(c for c in task_id.name if c.isalnum() or c == "-")[-63:]
    workflow = core_workflow_pb2.WorkflowTemplate(interface=task.template.interface)
    workflow.id.CopyFrom(task_id)
    workflow.id.resource_type = identifier_pb2.WORKFLOW
    workflow.id.name = f".flytegen.{task_id.name}"
    node = workflow.nodes.add(id=node_id)
    node.metadata.name = node_id
    node.task_node.reference_id.CopyFrom(task_id)
    for name in sorted(task.template.interface.inputs.variables):
        binding = node.inputs.add(var=name)
        binding.binding.promise.node_id = START_NODE
        binding.binding.promise.var = name
    for name in sorted(task.template.interface.outputs.variables):
        binding = workflow.outputs.add(var=name)
        binding.binding.promise.node_id = node_id
        binding.binding.promise.var = name
    return workflow
