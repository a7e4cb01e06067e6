"""Checks and compiles a task.

Source: flyteadmin pkg/manager/impl/validation/task_validator.go,
flytepropeller pkg/compiler/task_compiler.go.
"""

from __future__ import annotations

from flyteidl.admin import task_pb2
from flyteidl.core import compiler_pb2, identifier_pb2, tasks_pb2
from google.protobuf import struct_pb2

from flyte_sandbox.compiler.compile_errors import ErrorCollector, Flaw
from flyte_sandbox.compiler.identifiers import missing, require, validate_identifier
from flyte_sandbox.compiler.kubernetes_names import dns_label_errors
from flyte_sandbox.compiler.resources import validate_resources

CONTAINERLESS_TYPES = frozenset({"sidecar"})
"""Their container is not looked at when they are created, only when they are compiled."""


def compile_task(task_id: identifier_pb2.Identifier, spec: task_pb2.TaskSpec) -> compiler_pb2.CompiledTask:
    """:raises InvalidArgument: with flyteadmin's first complaint. The project is not looked up."""
    validate_identifier(task_id, identifier_pb2.TASK)
    if not spec.HasField("template"):
        raise missing("spec")
    _validate_template(task_id, spec.template)
    _check_target(spec.template)
    compiled = compiler_pb2.CompiledTask(template=spec.template)
    compiled.template.id.CopyFrom(task_id)
    return compiled


def _validate_template(task_id: identifier_pb2.Identifier, template: tasks_pb2.TaskTemplate) -> None:
    require(template.type, "type")
    require(template.HasField("metadata"), "metadata")
    if template.metadata.HasField("runtime"):
        require(template.metadata.runtime.version, "runtime version")
    require(template.HasField("interface"), "typed interface")
    if template.type not in CONTAINERLESS_TYPES and template.WhichOneof("target") == "container":
        require(template.container.image, "image")
        validate_resources(task_id, template.container.resources)


def _check_target(template: tasks_pb2.TaskTemplate) -> None:
    errors = ErrorCollector()
    target = template.WhichOneof("target")
    if target == "container":
        _check_container(template, errors)
    elif target == "k8s_pod":
        _check_pod(template.k8s_pod, errors)
    errors.raise_if_any("task failed compilation with ")


def _check_container(template: tasks_pb2.TaskTemplate, errors: ErrorCollector) -> None:
    """Without a command nobody would read the inputs or write the outputs."""
    has_values = template.interface.inputs.variables or template.interface.outputs.variables
    if has_values and not template.container.command and not template.container.args:
        errors.add(Flaw.VALUE_REQUIRED, "container", "command")
    if not template.container.image:
        errors.add(Flaw.VALUE_REQUIRED, "container", "image")


def _check_pod(pod: tasks_pb2.K8sPod, errors: ErrorCollector) -> None:
    containers = pod.pod_spec.fields.get("containers")
    if not pod.HasField("pod_spec") or (containers is not None and not containers.HasField("list_value")):
        errors.add(Flaw.INVALID_VALUE, "root", "k8s pod spec")
        return
    for container in containers.list_value.values if containers is not None else ():
        if dns_label_errors(_container_name(container)):
            errors.add(Flaw.INVALID_VALUE, "root", "k8s pod spec container name")


def _container_name(container: struct_pb2.Value) -> str:
    fields = container.struct_value.fields
    return fields["name"].string_value if "name" in fields else ""
