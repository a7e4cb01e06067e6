"""Checks and compiles a task.

Source: flyteadmin pkg/manager/impl/validation/task_validator.go,
flytepropeller pkg/compiler/task_compiler.go.
"""

from __future__ import annotations

from flyteidl.admin import task_pb2
from flyteidl.core import compiler_pb2, identifier_pb2, tasks_pb2

from flyte_sandbox.compiler.identifiers import missing, require, validate_identifier


def compile_task(task_id: identifier_pb2.Identifier, spec: task_pb2.TaskSpec) -> compiler_pb2.CompiledTask:
    """:raises InvalidArgument: with flyteadmin's first complaint. The project is not looked up."""
    validate_identifier(task_id, identifier_pb2.TASK)
    if not spec.HasField("template"):
        raise missing("spec")
    _validate_template(spec.template)
    compiled = compiler_pb2.CompiledTask(template=spec.template)
    compiled.template.id.CopyFrom(task_id)
    return compiled


def _validate_template(template: tasks_pb2.TaskTemplate) -> None:
    require(template.type, "type")
    if not template.HasField("metadata"):
        raise missing("metadata")
    if template.metadata.HasField("runtime"):
        require(template.metadata.runtime.version, "runtime version")
    if not template.HasField("interface"):
        raise missing("typed interface")
    if template.WhichOneof("target") == "container":
        require(template.container.image, "image")
