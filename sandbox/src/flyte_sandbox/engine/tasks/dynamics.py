"""Compiles what a dynamic task wrote: a workflow that is known only at run time.

Source: flytepropeller pkg/controller/nodes/dynamic.
"""

from __future__ import annotations

from flyteidl.admin import launch_plan_pb2, task_pb2, workflow_pb2
from flyteidl.core import compiler_pb2, dynamic_job_pb2, identifier_pb2, interface_pb2, tasks_pb2
from flyteidl.core import workflow_pb2 as core_workflow_pb2

from flyte_sandbox import ids
from flyte_sandbox.admin import registered
from flyte_sandbox.compiler.identifiers import identifier_key
from flyte_sandbox.compiler.tasks import compile_task
from flyte_sandbox.compiler.workflows import CompileErrors, compile_workflow, references
from flyte_sandbox.db.database import Database
from flyte_sandbox.engine.failures import user_error
from flyte_sandbox.engine.messages import Attempt
from flyte_sandbox.engine.model import ExecutionError
from flyte_sandbox.errors import PASSING, SandboxError

_VERSION_LENGTH = 10


class DynamicError(Exception):
    """The job spec cannot be run: a permanent failure of the task."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.error: ExecutionError = user_error("DynamicWorkflowBuildFailed", message)


def compile_dynamic(
    db: Database, attempt: Attempt, spec: dynamic_job_pb2.DynamicJobSpec, max_nodes: int
) -> compiler_pb2.CompiledWorkflowClosure:
    """Tasks come from the job spec itself, launch plans from the database.

    :raises DynamicError: when something is missing or does not fit.
    """
    template = _template(attempt, spec)
    needed = references(workflow_pb2.WorkflowSpec(template=template, sub_workflows=spec.subworkflows))
    try:
        tasks = {identifier_key(task.id): _compile(task) for task in spec.tasks}
        with db.read() as connection:
            plans = {
                identifier_key(id): launch_plan_pb2.LaunchPlan.FromString(
                    registered.get_row(connection, id).message
                )
                for id in needed.launch_plans
            }
        return compile_workflow(template, spec.subworkflows, tasks, plans, max_nodes=max_nodes)
    except CompileErrors as exc:
        raise DynamicError("\n".join(str(error) for error in exc.errors)) from exc
    except PASSING:
        raise
    except SandboxError as exc:
        raise DynamicError(exc.message) from exc


def _template(attempt: Attempt, spec: dynamic_job_pb2.DynamicJobSpec) -> core_workflow_pb2.WorkflowTemplate:
    """Its outputs are the task's; it has no inputs of its own."""
    id = identifier_pb2.Identifier(
        resource_type=identifier_pb2.WORKFLOW,
        project=attempt.execution.project,
        domain=attempt.execution.domain,
        name=f"dynamic_{attempt.node_uid}",
        version=ids.random_name(_VERSION_LENGTH),
    )
    interface = interface_pb2.TypedInterface(outputs=attempt.task.interface.outputs)
    return core_workflow_pb2.WorkflowTemplate(
        id=id, interface=interface, nodes=spec.nodes, outputs=spec.outputs
    )


def _compile(task: tasks_pb2.TaskTemplate) -> compiler_pb2.CompiledTask:
    return compile_task(task.id, task_pb2.TaskSpec(template=task))
