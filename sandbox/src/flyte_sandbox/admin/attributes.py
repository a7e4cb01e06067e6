"""Matchable attributes: defaults that a project, a project's domain or a workflow sets for its executions.

The calls for the three kinds of scope differ in their messages and checks only. What a launch makes of
attributes is said in ``resolving``.
Source: flyteadmin pkg/manager/impl/resources/resource_manager.go, validation/attributes_validator.go.
"""

from __future__ import annotations

from typing import Any

from flyteidl.admin import (
    matchable_resource_pb2,
    project_attributes_pb2,
    project_domain_attributes_pb2,
    workflow_attributes_pb2,
)

from flyte_sandbox.admin.launching.resolving import merge_config, platform_config
from flyte_sandbox.admin.projects import Projects
from flyte_sandbox.clock import Clock
from flyte_sandbox.compiler.identifiers import invalid_value, require
from flyte_sandbox.db import attributes as rows
from flyte_sandbox.db.attributes import Scope
from flyte_sandbox.db.database import Database
from flyte_sandbox.db.times import to_micros
from flyte_sandbox.errors import InvalidArgument, NotFound

_WORKFLOW_EXECUTION_CONFIG = matchable_resource_pb2.WORKFLOW_EXECUTION_CONFIG
_RESOURCE_TYPES = {
    "task_resource_attributes": matchable_resource_pb2.TASK_RESOURCE,
    "cluster_resource_attributes": matchable_resource_pb2.CLUSTER_RESOURCE,
    "execution_queue_attributes": matchable_resource_pb2.EXECUTION_QUEUE,
    "execution_cluster_label": matchable_resource_pb2.EXECUTION_CLUSTER_LABEL,
    "plugin_overrides": matchable_resource_pb2.PLUGIN_OVERRIDE,
    "workflow_execution_config": _WORKFLOW_EXECUTION_CONFIG,
    "cluster_assignment": matchable_resource_pb2.CLUSTER_ASSIGNMENT,
}
"""By the field that is set. Quality of service is missing here as it is in flyteadmin."""


class Attributes:
    def __init__(self, db: Database, clock: Clock, projects: Projects) -> None:
        self._db = db
        self._clock = clock
        self._projects = projects

    # ---- of a project

    def update_project(
        self, request: project_attributes_pb2.ProjectAttributesUpdateRequest
    ) -> project_attributes_pb2.ProjectAttributesUpdateResponse:
        require(request.HasField("attributes"), "attributes")
        self._projects.check_project_active(request.attributes.project)
        self._store(Scope(request.attributes.project), request.attributes)
        return project_attributes_pb2.ProjectAttributesUpdateResponse()

    def get_project(
        self, request: project_attributes_pb2.ProjectAttributesGetRequest
    ) -> project_attributes_pb2.ProjectAttributesGetResponse:
        """The execution config is always there: what the project does not set, the platform does."""
        self._projects.check_exists(request.project)
        is_config = request.resource_type == _WORKFLOW_EXECUTION_CONFIG
        found = self._find(request.resource_type, Scope(request.project))
        if found is None and not is_config:
            raise _not_found(request.resource_type, Scope(request.project))
        found = found or matchable_resource_pb2.MatchingAttributes()
        if is_config:
            merge_config(found.workflow_execution_config, platform_config())
        answer = project_attributes_pb2.ProjectAttributesGetResponse()
        answer.attributes.project = request.project
        answer.attributes.matching_attributes.CopyFrom(found)
        return answer

    def delete_project(
        self, request: project_attributes_pb2.ProjectAttributesDeleteRequest
    ) -> project_attributes_pb2.ProjectAttributesDeleteResponse:
        self._projects.check_project_active(request.project)
        self._delete(request.resource_type, Scope(request.project))
        return project_attributes_pb2.ProjectAttributesDeleteResponse()

    # ---- of a project's domain

    def update_project_domain(
        self, request: project_domain_attributes_pb2.ProjectDomainAttributesUpdateRequest
    ) -> project_domain_attributes_pb2.ProjectDomainAttributesUpdateResponse:
        require(request.HasField("attributes"), "attributes")
        self._store(self._domain_scope(request.attributes), request.attributes)
        return project_domain_attributes_pb2.ProjectDomainAttributesUpdateResponse()

    def get_project_domain(
        self, request: project_domain_attributes_pb2.ProjectDomainAttributesGetRequest
    ) -> project_domain_attributes_pb2.ProjectDomainAttributesGetResponse:
        found = self._get(request.resource_type, self._domain_scope(request))
        answer = project_domain_attributes_pb2.ProjectDomainAttributesGetResponse()
        answer.attributes.project, answer.attributes.domain = request.project, request.domain
        answer.attributes.matching_attributes.CopyFrom(found)
        return answer

    def delete_project_domain(
        self, request: project_domain_attributes_pb2.ProjectDomainAttributesDeleteRequest
    ) -> project_domain_attributes_pb2.ProjectDomainAttributesDeleteResponse:
        self._delete(request.resource_type, self._domain_scope(request))
        return project_domain_attributes_pb2.ProjectDomainAttributesDeleteResponse()

    # ---- of a workflow

    def update_workflow(
        self, request: workflow_attributes_pb2.WorkflowAttributesUpdateRequest
    ) -> workflow_attributes_pb2.WorkflowAttributesUpdateResponse:
        require(request.HasField("attributes"), "attributes")
        self._store(self._workflow_scope(request.attributes), request.attributes)
        return workflow_attributes_pb2.WorkflowAttributesUpdateResponse()

    def get_workflow(
        self, request: workflow_attributes_pb2.WorkflowAttributesGetRequest
    ) -> workflow_attributes_pb2.WorkflowAttributesGetResponse:
        found = self._get(request.resource_type, self._workflow_scope(request))
        answer = workflow_attributes_pb2.WorkflowAttributesGetResponse()
        answer.attributes.project, answer.attributes.domain = request.project, request.domain
        answer.attributes.workflow = request.workflow
        answer.attributes.matching_attributes.CopyFrom(found)
        return answer

    def delete_workflow(
        self, request: workflow_attributes_pb2.WorkflowAttributesDeleteRequest
    ) -> workflow_attributes_pb2.WorkflowAttributesDeleteResponse:
        self._delete(request.resource_type, self._workflow_scope(request))
        return workflow_attributes_pb2.WorkflowAttributesDeleteResponse()

    # ---- of all

    def list(
        self, request: matchable_resource_pb2.ListMatchableAttributesRequest
    ) -> matchable_resource_pb2.ListMatchableAttributesResponse:
        """Everything that was ever set of one resource type."""
        _check_resource_type(request.resource_type)
        with self._db.read() as connection:
            found = rows.list_all(connection, request.resource_type)
        return matchable_resource_pb2.ListMatchableAttributesResponse(
            configurations=map(configuration, found)
        )

    # ---- what the kinds of scope share

    def _domain_scope(self, named: Any) -> Scope:
        self._projects.check_active(named.project, named.domain)
        return Scope(named.project, named.domain)

    def _workflow_scope(self, named: Any) -> Scope:
        self._projects.check_active(named.project, named.domain)
        require(named.workflow, "name")
        return Scope(named.project, named.domain, named.workflow)

    def _store(self, scope: Scope, attributes: Any) -> None:
        """:param attributes: of any of the three kinds."""
        require(attributes.HasField("matching_attributes"), "matching_attributes")
        given = attributes.matching_attributes
        resource_type = _resource_type(given, scope)
        with self._db.write() as connection:
            row = rows.get(connection, resource_type, scope)
            if row is not None and resource_type == matchable_resource_pb2.PLUGIN_OVERRIDE:
                given = _merge_overrides(to_attributes(row), given)
            now = to_micros(self._clock.now())
            rows.upsert(connection, resource_type, scope, given.SerializeToString(), now)

    def _find(self, resource_type: int, scope: Scope) -> matchable_resource_pb2.MatchingAttributes | None:
        _check_resource_type(resource_type)
        with self._db.read() as connection:
            row = rows.get(connection, resource_type, scope)
        return None if row is None else to_attributes(row)

    def _get(self, resource_type: int, scope: Scope) -> matchable_resource_pb2.MatchingAttributes:
        found = self._find(resource_type, scope)
        if found is None:
            raise _not_found(resource_type, scope)
        return found

    def _delete(self, resource_type: int, scope: Scope) -> None:
        _check_resource_type(resource_type)
        with self._db.write() as connection:
            rows.delete_row(connection, resource_type, scope)


def configuration(row: Any) -> matchable_resource_pb2.MatchableAttributesConfiguration:
    """A row as it is listed."""
    return matchable_resource_pb2.MatchableAttributesConfiguration(
        attributes=to_attributes(row),
        project=row.project,
        domain=row.domain,
        workflow=row.workflow,
        launch_plan=row.launch_plan,
    )


def to_attributes(row: Any) -> matchable_resource_pb2.MatchingAttributes:
    return matchable_resource_pb2.MatchingAttributes.FromString(row.attributes)


def _resource_type(given: matchable_resource_pb2.MatchingAttributes, scope: Scope) -> int:
    kind: int | None = _RESOURCE_TYPES.get(given.WhichOneof("target") or "")
    if kind is None:
        name = "-".join(part for part in (scope.project, scope.domain, scope.workflow) if part)
        raise InvalidArgument(f"Unrecognized matching attributes type for request {name}")
    return kind


def _check_resource_type(resource_type: int) -> None:
    if resource_type not in matchable_resource_pb2.MatchableResource.values():
        raise invalid_value("resource_type")


def _merge_overrides(
    old: matchable_resource_pb2.MatchingAttributes, new: matchable_resource_pb2.MatchingAttributes
) -> matchable_resource_pb2.MatchingAttributes:
    """Of each task type the newest override stays."""
    by_type = {one.task_type: one for one in old.plugin_overrides.overrides}
    by_type.update((one.task_type, one) for one in new.plugin_overrides.overrides)
    merged = matchable_resource_pb2.MatchingAttributes()
    merged.plugin_overrides.SetInParent()
    merged.plugin_overrides.overrides.extend(by_type.values())
    return merged


def _not_found(resource_type: int, scope: Scope) -> NotFound:
    kind = matchable_resource_pb2.MatchableResource.Name(resource_type)
    return NotFound(
        f"Resource [{{Project:{scope.project} Domain:{scope.domain} Workflow:{scope.workflow} "
        f"LaunchPlan:{scope.launch_plan} ResourceType:{kind}}}] not found"
    )
