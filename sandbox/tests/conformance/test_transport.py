"""What all calls have in common: codes, sizes, no authentication; and HTTP as the console uses it."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator

import grpc
import pytest
from flyteidl.admin import common_pb2, execution_pb2, launch_plan_pb2, project_pb2, signal_pb2, workflow_pb2
from flyteidl.core import identifier_pb2
from flyteidl.service import admin_pb2, auth_pb2
from flyteidl.service.admin_pb2_grpc import AdminServiceStub
from flyteidl.service.auth_pb2_grpc import AuthMetadataServiceStub
from flyteidl.service.signal_pb2_grpc import SignalServiceStub
from google.rpc import status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from .entities import identifier, task_request, workflow_request
from .index import covers

OCTETS = {"Accept": "application/octet-stream"}
TASK = identifier_pb2.TASK


@pytest.fixture(scope="module")
def channel(endpoint: str) -> Iterator[grpc.Channel]:
    options = [("grpc.max_receive_message_length", 64 << 20)]
    with grpc.insecure_channel(endpoint, options) as channel:
        yield channel


def fetch(endpoint: str, path: str, **headers: str) -> tuple[int, str, bytes]:
    """:return: status, content type, body."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(f"http://{endpoint}{path}", headers=names)
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return answer.status, answer.headers["Content-Type"], answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read()


def test_the_server_says_that_it_is_healthy(channel: grpc.Channel) -> None:
    health = health_pb2_grpc.HealthStub(channel)
    answer = health.Check(health_pb2.HealthCheckRequest(service="flyteadmin"))
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_the_server_lists_its_services(channel: grpc.Channel) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    (answer,) = stub.ServerReflectionInfo(iter([request]))
    names = {service.name for service in answer.list_services_response.service}
    assert {"flyteidl.service.AdminService", "flyteidl.service.SignalService"} <= names


@covers("trap 2")
def test_empty_requests_are_refused_and_never_unknown(channel: grpc.Channel) -> None:
    service = admin_pb2.DESCRIPTOR.services_by_name["AdminService"]
    bad = {grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL}
    for method in service.methods:
        call = channel.unary_unary(f"/{service.full_name}/{method.name}", lambda request: request)
        answer = call.future(b"")
        assert answer.code() not in bad, method.name
        assert "Traceback" not in answer.details(), method.name


@covers("rpc GetOAuth2Metadata", "rpc GetPublicClientConfig", "trap 15")
def test_who_asks_is_not_asked(channel: grpc.Channel, endpoint: str) -> None:
    stub = AuthMetadataServiceStub(channel)
    for call, request in (
        (stub.GetOAuth2Metadata, auth_pb2.OAuth2MetadataRequest()),
        (stub.GetPublicClientConfig, auth_pb2.PublicClientAuthConfigRequest()),
    ):
        with pytest.raises(grpc.RpcError) as error:
            call(request)
        assert error.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert fetch(endpoint, "/me")[0] != 401


@covers("trap 18")
def test_an_answer_may_be_larger_than_four_mebibytes(
    channel: grpc.Channel, admin: AdminServiceStub, project: str
) -> None:
    for number in range(5):
        request = task_request(project, "large.task", f"v{number}")
        request.spec.template.config["large"] = "x" * (1 << 20)
        admin.CreateTask(request)
    id = common_pb2.NamedEntityIdentifier(project=project, domain="development", name="large.task")
    page = AdminServiceStub(channel).ListTasks(common_pb2.ResourceListRequest(id=id, limit=10))
    assert page.ByteSize() > 5 << 20


@covers("trap 18")
def test_pings_are_borne(endpoint: str) -> None:
    """flytekit sends one every 30 s, also when no call is under way."""
    options = [("grpc.keepalive_time_ms", 10_000), ("grpc.keepalive_permit_without_calls", 1)]
    with grpc.insecure_channel(endpoint, options) as channel:
        assert AdminServiceStub(channel).GetDomains(project_pb2.GetDomainRequest()).domains


@covers("trap 7")
def test_unsorted_lists_are_in_the_order_of_registration(admin: AdminServiceStub, project: str) -> None:
    versions = ["c", "a", "b"]
    for version in versions:
        admin.CreateTask(task_request(project, "ordered.task", version))
    id = common_pb2.NamedEntityIdentifier(project=project, domain="development", name="ordered.task")
    found = admin.ListTasks(common_pb2.ResourceListRequest(id=id, limit=10)).tasks
    assert [task.id.version for task in found] == versions
    ascending = common_pb2.Sort(key="version", direction=common_pb2.Sort.ASCENDING)
    found = admin.ListTasks(common_pb2.ResourceListRequest(id=id, limit=10, sort_by=ascending)).tasks
    assert [task.id.version for task in found] == sorted(versions)


@covers("trap 16")
def test_the_console_reads_protobuf(endpoint: str, project: str) -> None:
    status, kind, body = fetch(endpoint, f"/api/v1/projects/{project}", **OCTETS)
    assert (status, kind) == (200, "application/octet-stream")
    assert project_pb2.Project.FromString(body).id == project


@covers("trap 16")
def test_errors_are_protobuf_too(endpoint: str, project: str) -> None:
    status, _, body = fetch(endpoint, f"/api/v1/tasks/{project}/development/nothing/v1", **OCTETS)
    assert status == 404
    assert status_pb2.Status.FromString(body).code == grpc.StatusCode.NOT_FOUND.value[0]


@covers("trap 16")
@pytest.mark.parametrize(
    ("accept", "spelled"), [("*/*", "compiledTask"), ("application/json", "compiled_task")]
)
def test_json_spells_names_by_what_is_accepted(
    endpoint: str, admin: AdminServiceStub, project: str, accept: str, spelled: str
) -> None:
    task = task_request(project, f"spelled.{spelled}")
    admin.CreateTask(task)
    path = f"/api/v1/tasks/{project}/development/{task.id.name}/v1"
    status, kind, body = fetch(endpoint, path, Accept=accept)
    assert (status, kind.partition(";")[0]) == (200, "application/json")
    assert spelled in json.loads(body)["closure"]


@covers("trap 17", "trap 8")
def test_queries_may_be_spelled_as_the_console_does(
    endpoint: str, admin: AdminServiceStub, project: str
) -> None:
    for version in ("v1", "v2"):
        admin.CreateTask(task_request(project, "queried.task", version))
    query = urllib.parse.urlencode(
        {
            "limit": 10,
            "sort_by.key": "created_at",
            "sortBy.direction": "ASCENDING",
            "filters": "eq(task.name,queried.task)+ne(version,v9)",
            "nobody_knows": 1,
        }
    )
    _, _, body = fetch(endpoint, f"/api/v1/tasks/{project}/development?{query}")
    assert [task["id"]["version"] for task in json.loads(body)["tasks"]] == ["v1", "v2"]


@covers("trap 17")
def test_kinds_of_entities_may_be_numbers(endpoint: str, admin: AdminServiceStub, project: str) -> None:
    admin.CreateTask(task_request(project, "numbered.task"))
    for kind in ("1", "TASK"):
        _, _, body = fetch(endpoint, f"/api/v1/named_entities/{kind}/{project}/development?limit=1000")
        assert "numbered.task" in [one["id"]["name"] for one in json.loads(body)["entities"]]


@covers("trap 16")
def test_the_console_deletes_with_a_body(endpoint: str, project: str) -> None:
    request = urllib.request.Request(
        f"http://{endpoint}/api/v1/executions/{project}/development/anothing",
        data=execution_pb2.ExecutionTerminateRequest(cause="seen enough").SerializeToString(),
        method="DELETE",
        headers={**OCTETS, "Content-Type": "application/octet-stream"},
    )
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request)  # noqa: S310
    error.value.close()
    assert error.value.code == 404


@covers("rpc GetOrCreateSignal")
def test_a_signal_without_a_type_is_refused(channel: grpc.Channel, project: str) -> None:
    id = identifier_pb2.SignalIdentifier(
        signal_id="go",
        execution_id=identifier_pb2.WorkflowExecutionIdentifier(
            project=project, domain="development", name="anothing"
        ),
    )
    stub = SignalServiceStub(channel)
    with pytest.raises(grpc.RpcError) as error:
        stub.GetOrCreateSignal(signal_pb2.SignalGetOrCreateRequest(id=id))
    assert (error.value.code(), error.value.details()) == (grpc.StatusCode.INVALID_ARGUMENT, "missing type")


@covers("trap 3", "rpc CreateLaunchPlan", "rpc CreateWorkflow")
def test_workflows_and_launch_plans_are_written_once(admin: AdminServiceStub, project: str) -> None:
    task = task_request(project, "once.task")
    admin.CreateTask(task)
    workflow = workflow_request(project, "once.wf", task.id)
    plan = launch_plan_pb2.LaunchPlanCreateRequest(
        id=identifier(identifier_pb2.LAUNCH_PLAN, project, "once.wf"),
        spec=launch_plan_pb2.LaunchPlanSpec(workflow_id=workflow.id),
    )
    for call, request in ((admin.CreateWorkflow, workflow), (admin.CreateLaunchPlan, plan)):
        call(request)
        with pytest.raises(grpc.RpcError) as error:
            call(request)
        assert error.value.code() == grpc.StatusCode.ALREADY_EXISTS
    other = workflow_pb2.WorkflowCreateRequest.FromString(workflow.SerializeToString())
    other.spec.template.nodes[0].metadata.name = "renamed"
    with pytest.raises(grpc.RpcError) as error:
        admin.CreateWorkflow(other)
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "different structure" in error.value.details()
