"""Registration: written once, identical again is ALREADY_EXISTS, different is INVALID_ARGUMENT; listing and
pages.
"""

from __future__ import annotations

import grpc
import pytest
from flyteidl.admin import common_pb2, launch_plan_pb2, project_pb2, workflow_pb2
from flyteidl.core import identifier_pb2
from flyteidl.service import identity_pb2
from flyteidl.service.admin_pb2_grpc import AdminServiceStub
from flyteidl.service.identity_pb2_grpc import IdentityServiceStub
from google.rpc import status_pb2

from .entities import identifier, launch_plan_request, task_request, workflow_request
from .index import covers

TASK, WORKFLOW, PLAN = identifier_pb2.TASK, identifier_pb2.WORKFLOW, identifier_pb2.LAUNCH_PLAN


def code_of(error: pytest.ExceptionInfo[grpc.RpcError]) -> grpc.StatusCode:
    return error.value.code()


def named(project: str, name: str = "") -> common_pb2.NamedEntityIdentifier:
    return common_pb2.NamedEntityIdentifier(project=project, domain="development", name=name)


@pytest.fixture(scope="module")
def task_id(admin: AdminServiceStub, project: str) -> identifier_pb2.Identifier:
    request = task_request(project, "registered.task")
    admin.CreateTask(request)
    return request.id


@pytest.fixture(scope="module")
def workflow_id(
    admin: AdminServiceStub, project: str, task_id: identifier_pb2.Identifier
) -> identifier_pb2.Identifier:
    request = workflow_request(project, "registered.wf", task_id)
    admin.CreateWorkflow(request)
    return request.id


@pytest.fixture(scope="module")
def versions(admin: AdminServiceStub, project: str) -> list[str]:
    """Five versions of one task, oldest first."""
    found = [f"v{number}" for number in range(5)]
    for version in found:
        admin.CreateTask(task_request(project, "many.versions", version))
    return found


@covers("rpc CreateTask", "trap 3")
def test_registering_the_same_task_again_says_so(
    admin: AdminServiceStub, project: str, task_id: identifier_pb2.Identifier
) -> None:
    with pytest.raises(grpc.RpcError) as error:
        admin.CreateTask(task_request(project, "registered.task"))
    assert code_of(error) == grpc.StatusCode.ALREADY_EXISTS
    assert "identical structure" in error.value.details()


@covers("rpc CreateTask", "trap 3")
def test_another_task_under_the_same_version_is_refused_with_the_difference(
    admin: AdminServiceStub, project: str, task_id: identifier_pb2.Identifier
) -> None:
    with pytest.raises(grpc.RpcError) as error:
        admin.CreateTask(task_request(project, "registered.task", arg="b"))
    assert code_of(error) == grpc.StatusCode.INVALID_ARGUMENT
    assert "different structure" in error.value.details()
    assert "args" in error.value.details()


@covers("rpc CreateWorkflow", "trap 3")
def test_an_identical_workflow_carries_the_reason_as_a_detail(
    admin: AdminServiceStub,
    project: str,
    task_id: identifier_pb2.Identifier,
    workflow_id: identifier_pb2.Identifier,
) -> None:
    with pytest.raises(grpc.RpcError) as error:
        admin.CreateWorkflow(workflow_request(project, "registered.wf", task_id))
    assert code_of(error) == grpc.StatusCode.ALREADY_EXISTS
    trailing = dict(error.value.trailing_metadata())
    status = status_pb2.Status.FromString(trailing["grpc-status-details-bin"])
    reason = workflow_pb2.CreateWorkflowFailureReason()
    assert status.details[0].Unpack(reason)
    assert reason.exists_identical_structure.id == workflow_id


@covers("rpc GetWorkflow", "trap 5")
def test_the_compiled_workflow_has_what_console_and_flytekit_need(
    admin: AdminServiceStub, workflow_id: identifier_pb2.Identifier
) -> None:
    workflow = admin.GetWorkflow(common_pb2.ObjectGetRequest(id=workflow_id))
    primary = workflow.closure.compiled_workflow.primary
    assert [node.id for node in primary.template.nodes] == ["start-node", "end-node", "n0"]
    assert list(primary.connections.downstream["start-node"].ids) == ["n0"]
    assert list(primary.template.nodes[2].upstream_node_ids) == []
    assert primary.template.nodes[2].inputs[0].binding.promise.node_id == "start-node"


def test_a_workflow_needs_its_tasks_registered(admin: AdminServiceStub, project: str) -> None:
    missing = identifier(TASK, project, "not.there")
    with pytest.raises(grpc.RpcError) as error:
        admin.CreateWorkflow(workflow_request(project, "lonely.wf", missing))
    assert code_of(error) == grpc.StatusCode.NOT_FOUND
    assert "not.there" in error.value.details()


def test_compile_errors_name_node_and_code(
    admin: AdminServiceStub, project: str, task_id: identifier_pb2.Identifier
) -> None:
    request = workflow_request(project, "broken.wf", task_id)
    del request.spec.template.nodes[0].inputs[:]
    with pytest.raises(grpc.RpcError) as error:
        admin.CreateWorkflow(request)
    assert code_of(error) == grpc.StatusCode.INVALID_ARGUMENT
    assert "Code: ParameterNotBound, Node Id: n0" in error.value.details()


def test_an_unknown_project_is_refused(admin: AdminServiceStub) -> None:
    with pytest.raises(grpc.RpcError) as error:
        admin.CreateTask(task_request("nobody-knows-it", "some.task"))
    assert code_of(error) == grpc.StatusCode.INVALID_ARGUMENT
    assert "project [nobody-knows-it] not found" in error.value.details()


@covers("rpc RegisterProject", "rpc UpdateProject", "rpc ListProjects")
def test_an_archived_project_takes_no_tasks(admin: AdminServiceStub) -> None:
    project = project_pb2.Project(id="soon-archived", name="soon archived")
    admin.RegisterProject(project_pb2.ProjectRegisterRequest(project=project))
    archived = project_pb2.Project(id="soon-archived", state=project_pb2.Project.ARCHIVED)
    admin.UpdateProject(archived)
    with pytest.raises(grpc.RpcError) as error:
        admin.CreateTask(task_request("soon-archived", "some.task"))
    assert code_of(error) == grpc.StatusCode.INVALID_ARGUMENT
    listed = admin.ListProjects(project_pb2.ProjectListRequest())
    assert "soon-archived" not in [one.id for one in listed.projects]


@covers("rpc CreateLaunchPlan", "rpc GetLaunchPlan", "trap 4")
def test_a_launch_plan_states_what_it_expects(
    admin: AdminServiceStub, project: str, workflow_id: identifier_pb2.Identifier
) -> None:
    request = launch_plan_request(project, "registered.wf", workflow_id)
    admin.CreateLaunchPlan(request)
    plan = admin.GetLaunchPlan(common_pb2.ObjectGetRequest(id=request.id))
    assert plan.closure.expected_inputs.parameters["x"].required
    assert plan.spec.default_inputs == plan.closure.expected_inputs
    assert list(plan.closure.expected_outputs.variables) == ["o0"]
    assert plan.closure.state == launch_plan_pb2.INACTIVE


def test_a_launch_plan_may_not_name_inputs_that_the_workflow_has_not(
    admin: AdminServiceStub, project: str, workflow_id: identifier_pb2.Identifier
) -> None:
    with pytest.raises(grpc.RpcError) as error:
        admin.CreateLaunchPlan(launch_plan_request(project, "bad.plan", workflow_id, fixed={"y": 1}))
    assert code_of(error) == grpc.StatusCode.INVALID_ARGUMENT
    assert "unexpected fixed_input y" in error.value.details()


@covers("rpc UpdateLaunchPlan", "rpc GetActiveLaunchPlan")
def test_activating_a_version_ends_the_activity_of_the_other(
    admin: AdminServiceStub, project: str, workflow_id: identifier_pb2.Identifier
) -> None:
    ids = []
    for version in ("v1", "v2"):
        request = launch_plan_request(project, "active.plan", workflow_id, version, fixed={"x": 1})
        admin.CreateLaunchPlan(request)
        admin.UpdateLaunchPlan(
            launch_plan_pb2.LaunchPlanUpdateRequest(id=request.id, state=launch_plan_pb2.ACTIVE)
        )
        ids.append(request.id)
    active = admin.GetActiveLaunchPlan(
        launch_plan_pb2.ActiveLaunchPlanRequest(id=named(project, "active.plan"))
    )
    assert active.id == ids[1]
    first = admin.GetLaunchPlan(common_pb2.ObjectGetRequest(id=ids[0]))
    assert first.closure.state == launch_plan_pb2.INACTIVE


def test_no_active_launch_plan_is_not_found(admin: AdminServiceStub, project: str) -> None:
    with pytest.raises(grpc.RpcError) as error:
        admin.GetActiveLaunchPlan(launch_plan_pb2.ActiveLaunchPlanRequest(id=named(project, "nothing")))
    assert code_of(error) == grpc.StatusCode.NOT_FOUND


@covers("rpc ListTasks", "trap 7")
def test_the_newest_version_is_first_when_sorted_by_age(
    admin: AdminServiceStub, project: str, versions: list[str]
) -> None:
    request = common_pb2.ResourceListRequest(
        id=named(project, "many.versions"), limit=1, sort_by=common_pb2.Sort(key="created_at")
    )
    assert admin.ListTasks(request).tasks[0].id.version == versions[-1]


@covers("trap 6")
def test_pages_end_with_an_empty_token(admin: AdminServiceStub, project: str, versions: list[str]) -> None:
    found, token = [], ""
    while True:
        request = common_pb2.ResourceListRequest(id=named(project, "many.versions"), limit=2, token=token)
        page = admin.ListTasks(request)
        found += [task.id.version for task in page.tasks]
        token = page.token
        if not token:
            break
    assert found == versions


@covers("trap 8")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"limit": 0}, "invalid value for limit"),
        ({"token": "x"}, "invalid pagination token x"),
        ({"filters": "eq(version"}, "invalid value for filters"),
        ({"filters": "like(version,v1)"}, "unrecognized filter function: like"),
        ({"filters": "eq(colour,red)"}, "'t.colour' is invalid filter"),
        ({"filters": "eq(workflow.name,x)"}, "'w' entity is not allowed in filters"),
        ({"sort_by": common_pb2.Sort(key="colour")}, "invalid sort key 'colour'"),
    ],
)
def test_a_bad_list_request_says_what_is_wrong(
    admin: AdminServiceStub, project: str, change: dict[str, object], message: str
) -> None:
    fields = {"id": named(project), "limit": 10, **change}
    with pytest.raises(grpc.RpcError) as error:
        admin.ListTasks(common_pb2.ResourceListRequest(**fields))
    assert code_of(error) == grpc.StatusCode.INVALID_ARGUMENT
    assert message in error.value.details()


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ("eq(version,v3)", ["v3"]),
        ("value_in(version,v1;v4)", ["v1", "v4"]),
        ("gte(version,v2)+ne(version,v3)", ["v2", "v4"]),
        ("contains(version,2)", ["v2"]),
        ("gt(created_at,2020-01-01T00:00:00Z)+eq(version,v0)", ["v0"]),
        ("lt(created_at,2020-01-01T00:00:00Z)", []),
    ],
)
def test_filters_narrow_the_list(
    admin: AdminServiceStub, project: str, versions: list[str], filters: str, expected: list[str]
) -> None:
    request = common_pb2.ResourceListRequest(id=named(project, "many.versions"), limit=10, filters=filters)
    assert [task.id.version for task in admin.ListTasks(request).tasks] == expected


@covers("rpc ListTaskIds")
def test_names_are_listed_once(admin: AdminServiceStub, project: str, versions: list[str]) -> None:
    request = common_pb2.NamedEntityIdentifierListRequest(project=project, domain="development", limit=100)
    names = [one.name for one in admin.ListTaskIds(request).entities]
    assert names.count("many.versions") == 1


@covers("rpc ListWorkflows")
def test_listed_workflows_have_only_their_interface(
    admin: AdminServiceStub, project: str, workflow_id: identifier_pb2.Identifier
) -> None:
    request = common_pb2.ResourceListRequest(id=named(project, "registered.wf"), limit=10)
    (workflow,) = admin.ListWorkflows(request).workflows
    template = workflow.closure.compiled_workflow.primary.template
    assert "x" in template.interface.inputs.variables
    assert not template.nodes


@covers("rpc UserInfo", "trap 15")
def test_nobody_is_asked_who_they_are(endpoint: str) -> None:
    with grpc.insecure_channel(endpoint) as channel, pytest.raises(grpc.RpcError) as error:
        IdentityServiceStub(channel).UserInfo(identity_pb2.UserInfoRequest())
    assert code_of(error) == grpc.StatusCode.UNIMPLEMENTED
