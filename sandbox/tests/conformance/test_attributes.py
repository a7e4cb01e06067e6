"""Matchable attributes: set, read and removed for a project, a domain of it, a workflow in that."""

from __future__ import annotations

import uuid
from typing import Any

import grpc
import pytest
from flyteidl.admin import (
    execution_pb2,
    matchable_resource_pb2,
    project_attributes_pb2,
    project_domain_attributes_pb2,
    project_pb2,
    workflow_attributes_pb2,
)
from flyteidl.service.admin_pb2_grpc import AdminServiceStub

from .entities import integer, launch_plan_request, task_request, workflow_request
from .index import covers

QUEUE = matchable_resource_pb2.EXECUTION_QUEUE
CONFIG = matchable_resource_pb2.WORKFLOW_EXECUTION_CONFIG
MODULES = {
    "Project": project_attributes_pb2,
    "ProjectDomain": project_domain_attributes_pb2,
    "Workflow": workflow_attributes_pb2,
}
SCOPES = {"Project": (), "ProjectDomain": ("domain",), "Workflow": ("domain", "workflow")}
VALUES = {"domain": "development", "workflow": "some.workflow"}


@pytest.fixture
def own(admin: AdminServiceStub) -> str:
    """A project of this test's own: attributes change what others launch."""
    name = f"attributes-{uuid.uuid4().hex[:8]}"
    admin.RegisterProject(project_pb2.ProjectRegisterRequest(project=project_pb2.Project(id=name, name=name)))
    return name


class Scope:
    """One of the three, with its own three calls and messages."""

    def __init__(self, admin: AdminServiceStub, kind: str, project: str) -> None:
        self._admin, self._kind = admin, kind
        self._id = {"project": project, **{name: VALUES[name] for name in SCOPES[kind]}}

    def _message(self, name: str) -> Any:
        return getattr(MODULES[self._kind], f"{self._kind}Attributes{name}")

    def update(self, attributes: matchable_resource_pb2.MatchingAttributes) -> None:
        value = self._message("")(**self._id, matching_attributes=attributes)
        request = self._message("UpdateRequest")(attributes=value)
        getattr(self._admin, f"Update{self._kind}Attributes")(request)

    def get(self, kind: int) -> matchable_resource_pb2.MatchingAttributes:
        request = self._message("GetRequest")(**self._id, resource_type=kind)
        return getattr(self._admin, f"Get{self._kind}Attributes")(request).attributes.matching_attributes

    def delete(self, kind: int) -> None:
        request = self._message("DeleteRequest")(**self._id, resource_type=kind)
        getattr(self._admin, f"Delete{self._kind}Attributes")(request)


def queue(*tags: str) -> matchable_resource_pb2.MatchingAttributes:
    attributes = matchable_resource_pb2.ExecutionQueueAttributes(tags=tags)
    return matchable_resource_pb2.MatchingAttributes(execution_queue_attributes=attributes)


@covers(*(f"rpc {verb}{kind}Attributes" for verb in ("Update", "Get", "Delete") for kind in SCOPES))
@pytest.mark.parametrize("kind", list(SCOPES))
def test_attributes_are_set_changed_and_removed(admin: AdminServiceStub, own: str, kind: str) -> None:
    scope = Scope(admin, kind, own)
    for tags in (("fast",), ("slow", "cheap")):
        scope.update(queue(*tags))
        assert scope.get(QUEUE) == queue(*tags)
    scope.delete(QUEUE)
    with pytest.raises(grpc.RpcError) as error:
        scope.get(QUEUE)
    assert error.value.code() == grpc.StatusCode.NOT_FOUND


@covers("rpc UpdateProjectDomainAttributes")
def test_an_unknown_project_takes_no_attributes(admin: AdminServiceStub) -> None:
    with pytest.raises(grpc.RpcError) as error:
        Scope(admin, "ProjectDomain", "nobody-knows-it").update(queue("fast"))
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT


@covers("rpc GetProjectAttributes")
def test_a_project_always_has_an_execution_config(admin: AdminServiceStub, own: str) -> None:
    config = Scope(admin, "Project", own).get(CONFIG).workflow_execution_config
    assert config.max_parallelism > 0


@covers("rpc ListMatchableAttributes")
def test_all_of_a_kind_are_listed_with_where_they_count(admin: AdminServiceStub, own: str) -> None:
    Scope(admin, "Project", own).update(queue("fast"))
    Scope(admin, "Workflow", own).update(queue("slow"))
    request = matchable_resource_pb2.ListMatchableAttributesRequest(resource_type=QUEUE)
    found = [one for one in admin.ListMatchableAttributes(request).configurations if one.project == own]
    assert {
        (one.domain, one.workflow, tuple(one.attributes.execution_queue_attributes.tags)) for one in found
    } == {
        ("", "", ("fast",)),
        ("development", "some.workflow", ("slow",)),
    }


def test_the_nearest_config_counts_at_launch(admin: AdminServiceStub, own: str) -> None:
    for kind, parallelism in (("Project", 3), ("ProjectDomain", 7)):
        config = matchable_resource_pb2.WorkflowExecutionConfig(max_parallelism=parallelism)
        Scope(admin, kind, own).update(
            matchable_resource_pb2.MatchingAttributes(workflow_execution_config=config)
        )
    task = task_request(own, "some.task")
    admin.CreateTask(task)
    workflow = workflow_request(own, "some.workflow", task.id)
    admin.CreateWorkflow(workflow)
    plan = launch_plan_request(own, "some.workflow", workflow.id)
    admin.CreateLaunchPlan(plan)
    request = execution_pb2.ExecutionCreateRequest(
        project=own, domain="development", spec=execution_pb2.ExecutionSpec(launch_plan=plan.id)
    )
    request.inputs.literals["x"].CopyFrom(integer(1))
    id = admin.CreateExecution(request).id
    execution = admin.GetExecution(execution_pb2.WorkflowExecutionGetRequest(id=id))
    assert execution.spec.max_parallelism == 7
