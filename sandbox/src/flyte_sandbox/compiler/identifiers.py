"""Names, identifiers, labels and notifications: are they complete and well formed?

Pure. Whether a project or an entity exists is asked by ``admin``.
Source: flyteadmin pkg/manager/impl/validation/{validation,project_validator,notifications_validator}.go,
pkg/manager/impl/shared/errors.go, k8s.io/apimachinery/pkg/util/validation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sized
from typing import TypeAlias

from flyteidl.admin import common_pb2, project_pb2
from flyteidl.core import identifier_pb2

from flyte_sandbox.compiler.kubernetes_names import (
    dns_label_errors,
    label_value_errors,
    qualified_name_errors,
)
from flyte_sandbox.compiler.prototext import one_line
from flyte_sandbox.errors import InvalidArgument
from flyte_sandbox.phases import WORKFLOW_TERMINAL

Key: TypeAlias = tuple[str, str, str, str]
"""Project, domain, name, version."""

MAX_LABELS = 16
MAX_PROJECT_NAME = 64
MAX_PROJECT_DESCRIPTION = 300
MAX_EXECUTION_NAME = 63

_EXECUTION_NAME = re.compile(r"[a-z][a-z\-0-9]*", re.ASCII | re.IGNORECASE)


def identifier_key(identifier: identifier_pb2.Identifier) -> Key:
    return (identifier.project, identifier.domain, identifier.name, identifier.version)


def missing(field: str) -> InvalidArgument:
    return InvalidArgument(f"missing {field}")


def invalid_value(field: str) -> InvalidArgument:
    return InvalidArgument(f"invalid value for {field}")


def require(value: object, field: str) -> None:
    """:raises InvalidArgument: when ``value`` is empty or None."""
    if not value:
        raise missing(field)


def validate_identifier(identifier: identifier_pb2.Identifier, expected: identifier_pb2.ResourceType) -> None:
    """:raises InvalidArgument: another resource type, or a part is missing; in this order."""
    if identifier.resource_type != expected:
        raise InvalidArgument(
            f"unexpected resource type {_type_name(identifier.resource_type)} for identifier"
            f" [{one_line(identifier)}], expected {_type_name(expected)} instead"
        )
    validate_identifier_fields(identifier)


def validate_identifier_fields(identifier: identifier_pb2.Identifier) -> None:
    for field in ("project", "domain", "name", "version"):
        require(getattr(identifier, field), field)


def validate_named_entity_identifier(identifier: common_pb2.NamedEntityIdentifier) -> None:
    for field in ("project", "domain", "name"):
        require(getattr(identifier, field), field)


def validate_execution_identifier(identifier: identifier_pb2.WorkflowExecutionIdentifier) -> None:
    for field in ("project", "domain", "name"):
        require(getattr(identifier, field), field)


def validate_node_execution_identifier(identifier: identifier_pb2.NodeExecutionIdentifier) -> None:
    validate_execution_identifier(identifier.execution_id)
    require(identifier.node_id, "node_id")


def validate_task_execution_identifier(identifier: identifier_pb2.TaskExecutionIdentifier) -> None:
    validate_node_execution_identifier(identifier.node_execution_id)
    validate_identifier(identifier.task_id, identifier_pb2.TASK)


def validate_execution_name(name: str, field: str = "name") -> None:
    """An empty name is fine (one is generated); the case of letters does not matter and is kept."""
    if not name:
        return
    if len(name) > MAX_EXECUTION_NAME:
        raise InvalidArgument(f"size of {field} exceeded length {MAX_EXECUTION_NAME} : {name.lower()}")
    if not _EXECUTION_NAME.fullmatch(name):
        raise InvalidArgument(
            f"invalid {field} format: {name.lower()}, does not match regex '^{_EXECUTION_NAME.pattern}$'"
        )


def validate_labels(labels: common_pb2.Labels) -> None:
    validate_max_entries(labels.values, "labels", MAX_LABELS)
    for key in sorted(labels.values):
        if errors := qualified_name_errors(key):
            raise InvalidArgument(f"invalid label key [{key}]: [{' '.join(errors)}]")
        if errors := label_value_errors(labels.values[key]):
            raise InvalidArgument(f"invalid label value [{labels.values[key]}]: [{' '.join(errors)}]")


def validate_max_entries(entries: Mapping[str, str], field: str, limit: int) -> None:
    if len(entries) > limit:
        raise InvalidArgument(f"{field} map cannot exceed {limit} entries")


def validate_max_length(text: Sized, field: str, limit: int) -> None:
    if len(text) > limit:
        raise InvalidArgument(f"{field} cannot exceed {limit} characters")


def validate_project(project: project_pb2.Project, *, is_new: bool = True) -> None:
    """:param is_new: RegisterProject, where the name is required; UpdateProject keeps the old name."""
    if is_new:
        require(project.name, "project_name")
    require(project.id, "project_id")
    validate_labels(project.labels)
    if errors := dns_label_errors(project.id):
        raise InvalidArgument(f"invalid project id [{project.id}]: [{' '.join(errors)}]")
    validate_max_length(project.name, "project_name", MAX_PROJECT_NAME)
    validate_max_length(project.description, "project_description", MAX_PROJECT_DESCRIPTION)
    if project.domains:
        raise InvalidArgument(
            "Domains are currently only set system wide."
            " Please retry without domains included in your request."
        )


def validate_notifications(notifications: Iterable[common_pb2.Notification]) -> None:
    """Exactly one of e-mail, Slack and PagerDuty, with recipients, and for terminal phases only."""
    for notification in notifications:
        kind = notification.WhichOneof("type")
        if kind is None:
            raise invalid_value("notification type")
        recipients = getattr(notification, kind).recipients_email
        require(recipients, "recipients")
        require(all(recipients), "recipient")
        if any(phase not in WORKFLOW_TERMINAL for phase in notification.phases):
            raise invalid_value("phase")


def _type_name(resource_type: int) -> str:
    known = identifier_pb2.ResourceType.DESCRIPTOR.values_by_number.get(resource_type)
    return known.name.lower() if known else str(resource_type)
