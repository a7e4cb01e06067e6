"""Which tasks, launch plans and sub-workflows a workflow reaches.

Source: flytepropeller pkg/compiler/requirements.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from flyteidl.admin import workflow_pb2 as admin_workflow_pb2
from flyteidl.core import identifier_pb2, workflow_pb2

from flyte_sandbox.compiler.branch_cases import case_nodes
from flyte_sandbox.compiler.identifiers import Key, identifier_key


@dataclass
class References:
    """Each identifier once, in the order in which it is met.

    :param calls: the sub-workflows that each workflow has nodes for.
    :param unknown: sub-workflows that were not sent along, each with the node that wants it.
    """

    tasks: list[identifier_pb2.Identifier] = field(default_factory=list)
    launch_plans: list[identifier_pb2.Identifier] = field(default_factory=list)
    calls: dict[Key, list[Key]] = field(default_factory=dict)
    unknown: list[tuple[str, identifier_pb2.Identifier]] = field(default_factory=list)


def references(spec: admin_workflow_pb2.WorkflowSpec) -> References:
    """What must have been registered before the workflow can be: look these up, then compile."""
    return find_references(spec.template, index_workflows(spec.sub_workflows))


def index_workflows(
    templates: Iterable[workflow_pb2.WorkflowTemplate],
) -> dict[Key, workflow_pb2.WorkflowTemplate]:
    return {identifier_key(template.id): template for template in templates}


def find_references(
    template: workflow_pb2.WorkflowTemplate, sub_workflows: Mapping[Key, workflow_pb2.WorkflowTemplate]
) -> References:
    found = References()
    seen: set[tuple[str, Key]] = set()
    pending = [template]
    while pending:
        current = pending.pop()
        calls = found.calls.setdefault(identifier_key(current.id), [])
        for node in _all_nodes(current):
            kind, reference = _reference(node)
            if reference is None:
                continue
            key = identifier_key(reference)
            if kind == "sub_workflow_ref":
                calls.append(key)
            if (kind, key) in seen:
                continue
            seen.add((kind, key))
            if kind == "reference_id":
                found.tasks.append(reference)
            elif kind == "launchplan_ref":
                found.launch_plans.append(reference)
            elif key in sub_workflows:
                pending.append(sub_workflows[key])
            else:
                found.unknown.append((node.id, reference))
    return found


def _all_nodes(template: workflow_pb2.WorkflowTemplate) -> Iterator[workflow_pb2.Node]:
    for node in template.nodes:
        yield from _with_inner_nodes(node)
    if template.HasField("failure_node"):
        yield from _with_inner_nodes(template.failure_node)


def _with_inner_nodes(node: workflow_pb2.Node) -> Iterator[workflow_pb2.Node]:
    yield node
    target = node.WhichOneof("target")
    if target == "branch_node":
        for case in case_nodes(node):
            yield from _with_inner_nodes(case)
    elif target == "array_node":
        yield from _with_inner_nodes(node.array_node.node)


def _reference(node: workflow_pb2.Node) -> tuple[str, identifier_pb2.Identifier | None]:
    target = node.WhichOneof("target")
    if target not in ("task_node", "workflow_node"):
        return "", None
    inner = getattr(node, target)
    kind = inner.WhichOneof("reference")
    return (kind, getattr(inner, kind)) if kind else ("", None)
