"""Reading what was registered: one version, lists of names and versions, what is said about them."""

from __future__ import annotations

import grpc
import pytest
from flyteidl.admin import (
    common_pb2,
    description_entity_pb2,
    launch_plan_pb2,
    project_pb2,
    task_pb2,
    version_pb2,
)
from flyteidl.core import identifier_pb2
from flyteidl.service.admin_pb2_grpc import AdminServiceStub

from .entities import launch_plan_request, task_request, workflow_request
from .index import covers

TASK, WORKFLOW, PLAN = identifier_pb2.TASK, identifier_pb2.WORKFLOW, identifier_pb2.LAUNCH_PLAN


def named(project: str, name: str = "") -> common_pb2.NamedEntityIdentifier:
    return common_pb2.NamedEntityIdentifier(project=project, domain="development", name=name)


@pytest.fixture(scope="module")
def names(admin: AdminServiceStub, project: str) -> None:
    """A task with a description, a workflow and a launch plan of it, each in two versions."""
    for version in ("v1", "v2"):
        task = task_request(project, "known.task", version)
        task.spec.description.short_description = "adds nothing"
        task.spec.description.long_description.value = "It adds nothing, at length."
        task.spec.description.source_code.link = "https://example.com/known"
        admin.CreateTask(task)
        workflow = workflow_request(project, "known.wf", task.id, version)
        admin.CreateWorkflow(workflow)
        admin.CreateLaunchPlan(launch_plan_request(project, "known.plan", workflow.id, version, {"x": 1}))
    active = launch_plan_pb2.LaunchPlanUpdateRequest(
        id=launch_plan_request(project, "known.plan", task.id, "v1").id, state=launch_plan_pb2.ACTIVE
    )
    admin.UpdateLaunchPlan(active)


@covers("rpc GetTask", "trap 20")
def test_a_task_comes_back_as_it_was_sent(admin: AdminServiceStub, project: str, names: None) -> None:
    sent = task_request(project, "known.task")
    # Clients leave the resource type out.
    id = identifier_pb2.Identifier.FromString(sent.id.SerializeToString())
    id.ClearField("resource_type")
    task: task_pb2.Task = admin.GetTask(common_pb2.ObjectGetRequest(id=id))
    assert task.id == sent.id
    assert task.closure.compiled_task.template == sent.spec.template
    assert task.closure.created_at.seconds > 0
    assert task.short_description == "adds nothing"


@covers("rpc GetTask", "rpc GetWorkflow", "rpc GetLaunchPlan")
@pytest.mark.parametrize("kind", ["Task", "Workflow", "LaunchPlan"])
def test_what_was_never_registered_is_not_found(admin: AdminServiceStub, project: str, kind: str) -> None:
    id = identifier_pb2.Identifier(project=project, domain="development", name="nothing", version="v1")
    with pytest.raises(grpc.RpcError) as error:
        getattr(admin, f"Get{kind}")(common_pb2.ObjectGetRequest(id=id))
    assert error.value.code() == grpc.StatusCode.NOT_FOUND
    assert error.value.details().startswith("missing entity of type ")


@covers("rpc ListWorkflowIds", "rpc ListLaunchPlanIds")
@pytest.mark.parametrize(("kind", "name"), [("Workflow", "known.wf"), ("LaunchPlan", "known.plan")])
def test_each_name_is_listed_once(
    admin: AdminServiceStub, project: str, names: None, kind: str, name: str
) -> None:
    request = common_pb2.NamedEntityIdentifierListRequest(project=project, domain="development", limit=1000)
    found = [one.name for one in getattr(admin, f"List{kind}Ids")(request).entities]
    assert found.count(name) == 1
    assert "known.task" not in found


@covers("rpc ListLaunchPlans")
def test_listed_launch_plans_are_whole(admin: AdminServiceStub, project: str, names: None) -> None:
    request = common_pb2.ResourceListRequest(id=named(project, "known.plan"), limit=10)
    plans = admin.ListLaunchPlans(request).launch_plans
    assert {(plan.id.version, plan.closure.state) for plan in plans} == {
        ("v1", launch_plan_pb2.ACTIVE),
        ("v2", launch_plan_pb2.INACTIVE),
    }
    assert all(plan.spec.fixed_inputs.literals["x"].scalar.primitive.integer == 1 for plan in plans)


@covers("rpc ListActiveLaunchPlans")
def test_active_launch_plans_are_those_that_were_activated(
    admin: AdminServiceStub, project: str, names: None
) -> None:
    request = launch_plan_pb2.ActiveLaunchPlanListRequest(project=project, domain="development", limit=100)
    plans = admin.ListActiveLaunchPlans(request).launch_plans
    assert [plan.id.version for plan in plans if plan.id.name == "known.plan"] == ["v1"]
    assert all(plan.closure.state == launch_plan_pb2.ACTIVE for plan in plans)


@covers("rpc ListNamedEntities")
def test_named_entities_are_listed_with_what_is_said_of_them(
    admin: AdminServiceStub, project: str, names: None
) -> None:
    request = common_pb2.NamedEntityListRequest(
        resource_type=WORKFLOW,
        project=project,
        domain="development",
        limit=100,
        filters="eq(state,0)",
        sort_by=common_pb2.Sort(key="name", direction=common_pb2.Sort.ASCENDING),
    )
    found = admin.ListNamedEntities(request).entities
    assert [one.id.name for one in found] == sorted(one.id.name for one in found)
    assert "known.wf" in [one.id.name for one in found]
    assert all(one.resource_type == WORKFLOW for one in found)


@covers("rpc UpdateNamedEntity", "rpc GetNamedEntity")
def test_an_archived_name_leaves_the_list_of_active_ones(
    admin: AdminServiceStub, project: str, names: None
) -> None:
    metadata = common_pb2.NamedEntityMetadata(
        description="no longer used", state=common_pb2.NAMED_ENTITY_ARCHIVED
    )
    id = named(project, "known.task")
    admin.UpdateNamedEntity(common_pb2.NamedEntityUpdateRequest(resource_type=TASK, id=id, metadata=metadata))
    got = admin.GetNamedEntity(common_pb2.NamedEntityGetRequest(resource_type=TASK, id=id))
    assert got.metadata == metadata
    for filters, is_there in (("eq(state,0)", False), ("eq(state,1)", True)):
        request = common_pb2.NamedEntityListRequest(
            resource_type=TASK, project=project, domain="development", limit=1000, filters=filters
        )
        listed = [one.id.name for one in admin.ListNamedEntities(request).entities]
        assert ("known.task" in listed) == is_there


@covers("rpc GetNamedEntity")
def test_a_name_that_nothing_has_is_not_found(admin: AdminServiceStub, project: str) -> None:
    request = common_pb2.NamedEntityGetRequest(resource_type=TASK, id=named(project, "nothing"))
    with pytest.raises(grpc.RpcError) as error:
        admin.GetNamedEntity(request)
    assert error.value.code() == grpc.StatusCode.NOT_FOUND


@covers("rpc GetDescriptionEntity")
def test_a_description_belongs_to_its_version(admin: AdminServiceStub, project: str, names: None) -> None:
    id = task_request(project, "known.task").id
    description = admin.GetDescriptionEntity(common_pb2.ObjectGetRequest(id=id))
    assert description.short_description == "adds nothing"
    assert description.long_description.value == "It adds nothing, at length."
    assert description.source_code.link == "https://example.com/known"


@covers("rpc ListDescriptionEntities")
def test_descriptions_are_listed_by_name(admin: AdminServiceStub, project: str, names: None) -> None:
    request = description_entity_pb2.DescriptionEntityListRequest(
        resource_type=TASK, id=named(project, "known.task"), limit=10
    )
    found = admin.ListDescriptionEntities(request).descriptionEntities
    assert {one.id.version for one in found} == {"v1", "v2"}


@covers("rpc GetProject", "rpc GetDomains")
def test_a_project_has_the_domains_of_the_platform(admin: AdminServiceStub, project: str) -> None:
    domains = admin.GetDomains(project_pb2.GetDomainRequest()).domains
    assert {"development", "staging", "production"} <= {domain.id for domain in domains}
    got = admin.GetProject(project_pb2.ProjectGetRequest(id=project))
    assert got.id == project
    assert list(got.domains) == list(domains)
    with pytest.raises(grpc.RpcError) as error:
        admin.GetProject(project_pb2.ProjectGetRequest(id="nobody-knows-it"))
    assert error.value.code() == grpc.StatusCode.NOT_FOUND


@covers("rpc GetVersion")
def test_the_version_is_told(admin: AdminServiceStub) -> None:
    told = admin.GetVersion(version_pb2.GetVersionRequest()).control_plane_version
    assert told.Version
