"""Compiles a workflow with its sub-workflows into the closure that clients and the engine read.

Source: flytepropeller pkg/compiler/workflow_compiler.go (CompileWorkflow),
flyteadmin pkg/manager/impl/validation/workflow_validator.go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flyteidl.admin import launch_plan_pb2
from flyteidl.core import compiler_pb2, workflow_pb2

from flyte_sandbox.compiler.compile_errors import CompileError, CompileErrors, ErrorCollector, Flaw
from flyte_sandbox.compiler.context import END_NODE, START_NODE, Library
from flyte_sandbox.compiler.graph import find_cycle
from flyte_sandbox.compiler.identifiers import Key, identifier_key
from flyte_sandbox.compiler.prototext import one_line
from flyte_sandbox.compiler.references import References, find_references, index_workflows, references
from flyte_sandbox.compiler.single_task import single_task_workflow
from flyte_sandbox.compiler.templates import compile_template
from flyte_sandbox.errors import InvalidArgument

__all__ = [
    "END_NODE",
    "START_NODE",
    "CompileError",
    "CompileErrors",
    "References",
    "compile_workflow",
    "references",
    "single_task_workflow",
]


def compile_workflow(
    template: workflow_pb2.WorkflowTemplate,
    sub_workflows: Sequence[workflow_pb2.WorkflowTemplate],
    tasks: Mapping[Key, compiler_pb2.CompiledTask],
    launch_plans: Mapping[Key, launch_plan_pb2.LaunchPlan],
    *,
    max_nodes: int = 0,
) -> compiler_pb2.CompiledWorkflowClosure:
    """
    :param template: its id is the one that it is registered under.
    :param tasks: all that ``references`` asked for; they become part of the closure.
    :param launch_plans: all that ``references`` asked for, with their closures.
    :param max_nodes: of the workflow itself, without start and end node; 0 is no limit.
    :raises CompileErrors: everything that is wrong, in one text.
    """
    _check_size(template, max_nodes)
    errors = ErrorCollector()
    prefix = f"failed to compile workflow for [{one_line(template.id)}] with err: "
    library = Library(tasks, launch_plans, index_workflows(sub_workflows))
    needed = find_references(template, library.sub_workflows)
    _check_duplicates(sub_workflows, errors)
    _check_references(needed, library, errors)
    _check_recursion(template, needed, errors)
    errors.raise_if_any(prefix)
    primary = compile_template(template, library, errors)
    inner = [_compile_sub_workflow(sub, needed, library, errors) for sub in sub_workflows]
    errors.raise_if_any(prefix)
    ordered = [tasks[key] for key in sorted(tasks)]
    return compiler_pb2.CompiledWorkflowClosure(primary=primary, sub_workflows=inner, tasks=ordered)


def _check_size(template: workflow_pb2.WorkflowTemplate, max_nodes: int) -> None:
    if 0 < max_nodes < len(template.nodes):
        raise InvalidArgument(
            f"number of nodes in workflow [{one_line(template.id)}] exceeds limit"
            f" ({len(template.nodes)} > {max_nodes})"
        )


def _check_duplicates(sub_workflows: Sequence[workflow_pb2.WorkflowTemplate], errors: ErrorCollector) -> None:
    seen: set[Key] = set()
    for template in sub_workflows:
        key = identifier_key(template.id)
        if key in seen:
            errors.add(Flaw.DUPLICATE_ID, one_line(template.id))
        seen.add(key)


def _check_references(needed: References, library: Library, errors: ErrorCollector) -> None:
    for task in needed.tasks:
        if identifier_key(task) not in library.tasks:
            errors.add(Flaw.TASK_NOT_FOUND, START_NODE, one_line(task))
    for launch_plan in needed.launch_plans:
        if identifier_key(launch_plan) not in library.launch_plans:
            errors.add(Flaw.WORKFLOW_NOT_FOUND, START_NODE, one_line(launch_plan))
    for node_id, workflow in needed.unknown:
        errors.add(Flaw.WORKFLOW_NOT_FOUND, node_id, one_line(workflow))


def _check_recursion(
    template: workflow_pb2.WorkflowTemplate, needed: References, errors: ErrorCollector
) -> None:
    """A workflow that contains itself would never end; through a launch plan it may, that is an execution."""
    cycle, _ = find_cycle(identifier_key(template.id), lambda key: set(needed.calls.get(key, ())))
    if cycle:
        errors.add(Flaw.CYCLE, START_NODE, ">".join(name for _, _, name, _ in cycle))


def _compile_sub_workflow(
    template: workflow_pb2.WorkflowTemplate, needed: References, library: Library, errors: ErrorCollector
) -> compiler_pb2.CompiledWorkflow:
    """One that no node uses is stored as it came."""
    if identifier_key(template.id) in needed.calls:
        return compile_template(template, library, errors)
    return compiler_pb2.CompiledWorkflow(template=template)
