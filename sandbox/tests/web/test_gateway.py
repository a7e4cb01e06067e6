"""The HTTP API speaks as grpc-gateway does with flyteadmin's marshalers."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest
from flyteidl.admin import (
    common_pb2,
    execution_pb2,
    launch_plan_pb2,
    node_execution_pb2,
    project_pb2,
    signal_pb2,
    version_pb2,
    workflow_pb2,
)
from flyteidl.service import dataproxy_pb2
from google.rpc import status_pb2

from flyte_sandbox.errors import (
    AlreadyExists,
    FailedPrecondition,
    Internal,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    SandboxError,
    Unavailable,
    Unimplemented,
)
from flyte_sandbox.web.routes import SERVICES, Routes

OCTETS = "application/octet-stream"
EXECUTION = "/api/v1/executions/flytesnacks/development/a1"


def _execution() -> execution_pb2.Execution:
    execution = execution_pb2.Execution()
    execution.id.name = "a1"
    execution.closure.phase = 4
    execution.closure.created_at.FromJsonString("2026-11-22T10:00:00.5Z")
    execution.closure.duration.FromNanoseconds(1_500_000_000)
    execution.spec.security_context.run_as.iam_role = "r"
    return execution


def test_every_method_with_an_http_rule_has_a_route() -> None:
    routed = {route.rpc for route in Routes()}
    for service in SERVICES:
        for method in service.methods:
            if method.name not in ("GetOrCreateSignal", "GetDownloadArtifactLinks"):
                assert f"/{service.full_name}/{method.name}" in routed


@pytest.mark.parametrize(
    ("verb", "path", "rpc", "field", "value"),
    [
        ("GET", "/api/v1/tasks/p/d/a.b:c=D_-/v1", "GetTask", "id.name", "a.b:c=D_-"),
        ("GET", "/api/v1/tasks/p/d/.flytegen.x/v1", "GetTask", "id.name", ".flytegen.x"),
        ("GET", "/api/v1/tasks/p/d/n", "ListTasks", "id.name", "n"),
        ("GET", "/api/v1/tasks/p/d", "ListTasks", "id.domain", "d"),
        ("GET", "/api/v1/data/executions/p/d/x", "GetExecutionData", "id.name", "x"),
        ("GET", "/api/v1/node_executions/p/d/x/n0", "GetNodeExecution", "id.node_id", "n0"),
        (
            "GET",
            "/api/v1/node_executions/p/d/x/n0/dynamic_workflow",
            "GetDynamicNodeWorkflow",
            "id.node_id",
            "n0",
        ),
        ("GET", "/api/v1/task_executions/p/d/x/n0/p/d/t/v/3", "GetTaskExecution", "id.retry_attempt", "3"),
        ("GET", "/api/v1/named_entities/2/p/d", "ListNamedEntities", "resource_type", "2"),
        ("GET", "/api/v1/named_entities/WORKFLOW/p/d", "ListNamedEntities", "resource_type", "2"),
        ("GET", "/api/v1/signals/p/d/x", "ListSignals", "workflow_execution_id.name", "x"),
        ("POST", "/api/v1/executions/relaunch", "RelaunchExecution", "", ""),
        ("POST", "/api/v1/executions", "CreateExecution", "", ""),
        ("PUT", "/api/v1/executions/p/d/x", "UpdateExecution", "id.name", "x"),
        ("DELETE", "/api/v1/executions/p/d/x", "TerminateExecution", "id.name", "x"),
        ("GET", "/api/v1/projects/%C3%BC", "GetProject", "id", "ü"),
        ("PUT", "/api/v1/project_attributes/p", "UpdateProjectAttributes", "attributes.project", "p"),
        ("GET", "/api/v1/data?flyte_url=flyte%3A%2F%2Fv1%2Fp", "GetData", "flyte_url", "flyte://v1/p"),
        ("GET", "/me", "UserInfo", "", ""),
        ("GET", "/.well-known/oauth-authorization-server", "GetOAuth2Metadata", "", ""),
        ("GET", "/config/v1/flyte_client", "GetPublicClientConfig", "", ""),
    ],
)
async def test_a_path_means_one_rpc(
    client: httpx.AsyncClient, call: Any, verb: str, path: str, rpc: str, field: str, value: str
) -> None:
    answer = await client.request(verb, path)
    assert answer.status_code == 501
    name, request = call.asked[-1]
    assert name == rpc
    got: Any = request
    for part in filter(None, field.split(".")):
        got = getattr(got, part)
    if field:
        assert str(got) == value


async def test_query_takes_every_spelling_the_console_uses(client: httpx.AsyncClient, call: Any) -> None:
    call.answers["ListNodeExecutions"] = node_execution_pb2.NodeExecutionList()
    query = (
        "limit=10000&sort_by.key=created_at&sortBy.direction=ASCENDING&uniqueParentId=n0&token="
        "&filters=eq(workflow.name,a)%2Bne(phase,FAILED)&nobody_knows=1&workflow_execution_id.name=other"
    )
    await client.get(f"/api/v1/node_executions/p/d/x?{query}")
    request: Any = call.asked[-1][1]
    assert request.limit == 10000
    assert (request.sort_by.key, request.sort_by.direction) == ("created_at", common_pb2.Sort.ASCENDING)
    assert request.unique_parent_id == "n0"
    assert request.filters == "eq(workflow.name,a)+ne(phase,FAILED)"
    assert request.workflow_execution_id.name == "x", "a query cannot change what the path says"


@pytest.mark.parametrize(
    ("query", "field", "value"),
    [
        ("native_url=s3%3A%2F%2Fb%2Fk+x", "native_url", "s3://b/k x"),
        ("expires_in=1h30m", "expires_in.seconds", 5400),
        ("expiresIn=1.5s", "expires_in.nanos", 500_000_000),
    ],
)
async def test_query_values_become_what_their_field_is(
    client: httpx.AsyncClient, call: Any, query: str, field: str, value: object
) -> None:
    await client.get(f"/api/v1/dataproxy/artifact_urn?{query}")
    got: Any = call.asked[-1][1]
    for part in field.split("."):
        got = getattr(got, part)
    assert got == value


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/api/v1/executions/p/d?limit=many", "limit"),
        ("/api/v1/executions/p/d?limit=-1", "limit"),
        ("/api/v1/executions/p/d?limit=1&limit=2", "too many values"),
        ("/api/v1/executions/p/d?sort_by.direction=UP", "direction"),
        ("/api/v1/executions/p/d?sort_by=key", "unsupported message type"),
        ("/api/v1/named_entities/NOTHING/p/d", "type mismatch, parameter: resource_type"),
        ("/api/v1/dataproxy/artifact_urn?expires_in=soon", "invalid duration"),
    ],
)
async def test_a_value_that_does_not_fit_is_a_bad_request(
    client: httpx.AsyncClient, call: Any, path: str, text: str
) -> None:
    answer = await client.get(path)
    assert answer.status_code == 400
    assert answer.json()["code"] == 3
    assert text in answer.json()["message"]
    assert call.asked == []


async def test_accept_octets_gets_protobuf(client: httpx.AsyncClient, call: Any) -> None:
    call.answers["GetExecution"] = _execution()
    answer = await client.get(EXECUTION, headers={"accept": OCTETS})
    assert answer.headers["content-type"] == OCTETS
    assert answer.headers["grpc-metadata-content-type"] == "application/grpc"
    assert execution_pb2.Execution.FromString(answer.content) == _execution()


async def test_accept_json_gets_proto_names_with_all_fields(client: httpx.AsyncClient, call: Any) -> None:
    call.answers["GetExecution"] = _execution()
    answer = await client.get(EXECUTION, headers={"accept": "application/json"})
    assert answer.headers["content-type"] == "application/json"
    tree = answer.json()
    assert tree["closure"]["created_at"] == "2026-11-22T10:00:00.500Z"
    assert tree["closure"]["duration"] == "1.500s"
    assert tree["closure"]["phase"] == "SUCCEEDED"
    assert tree["spec"]["security_context"]["run_as"]["iam_role"] == "r"
    assert tree["spec"]["max_parallelism"] == 0
    assert tree["spec"]["launch_plan"] is None
    assert "error" not in tree["closure"], "a oneof that is not set is left out"


@pytest.mark.parametrize("accept", ["*/*", "application/json, text/plain, */*", "text/html"])
async def test_any_other_accept_gets_camel_case(client: httpx.AsyncClient, call: Any, accept: str) -> None:
    call.answers["GetExecution"] = _execution()
    answer = await client.get(EXECUTION, headers={"accept": accept})
    assert answer.json()["spec"]["securityContext"]["runAs"]["iamRole"] == "r"
    assert answer.json()["closure"]["createdAt"] == "2026-11-22T10:00:00.500Z"


async def test_without_a_known_accept_the_body_sets_the_form(client: httpx.AsyncClient, call: Any) -> None:
    call.answers["CreateExecution"] = execution_pb2.ExecutionCreateResponse()
    body = execution_pb2.ExecutionCreateRequest(project="p").SerializeToString()
    answer = await client.post("/api/v1/executions", content=body, headers={"content-type": OCTETS})
    assert answer.headers["content-type"] == OCTETS
    assert call.asked[-1][1] == execution_pb2.ExecutionCreateRequest(project="p")
    headers = {"content-type": "application/json; charset=utf-8"}
    answer = await client.post("/api/v1/executions", content=b'{"project": "p"}', headers=headers)
    assert answer.json() == {"id": None}


async def test_delete_carries_a_body(client: httpx.AsyncClient, call: Any) -> None:
    call.answers["TerminateExecution"] = execution_pb2.ExecutionTerminateResponse()
    body = execution_pb2.ExecutionTerminateRequest(cause="enough").SerializeToString()
    headers = {"content-type": OCTETS, "accept": OCTETS}
    answer = await client.request("DELETE", EXECUTION, content=body, headers=headers)
    assert (answer.status_code, answer.content) == (200, b"")
    request: Any = call.asked[-1][1]
    assert (request.cause, request.id.name) == ("enough", "a1")


async def test_json_bodies_take_both_styles_of_names(client: httpx.AsyncClient, call: Any) -> None:
    call.answers["CreateUploadLocation"] = dataproxy_pb2.CreateUploadLocationResponse()
    body = {"project": "p", "contentMd5": "AAEC", "filename_root": "r", "expiresIn": "60s"}
    await client.post("/api/v1/dataproxy/artifact_urn", json=body)
    request: Any = call.asked[-1][1]
    assert (request.content_md5, request.filename_root, request.expires_in.seconds) == (b"\0\1\2", "r", 60)


async def test_a_json_body_with_an_unknown_field_is_refused(client: httpx.AsyncClient, call: Any) -> None:
    answer = await client.post("/api/v1/projects", json={"projekt": {}})
    assert answer.status_code == 400
    assert "projekt" in answer.json()["message"]


@pytest.mark.parametrize(
    ("body", "kind"), [(b"{", "application/json"), (b"[]", "application/json"), (b"\xff\xff", OCTETS)]
)
async def test_a_broken_body_is_refused(client: httpx.AsyncClient, call: Any, body: bytes, kind: str) -> None:
    headers = {"content-type": kind, "accept": "application/json"}
    answer = await client.post("/api/v1/projects", content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["code"] == 3
    assert call.asked == []


async def test_numbers_names_and_maps_read_as_go_prints_them(client: httpx.AsyncClient, call: Any) -> None:
    projects = project_pb2.Projects()
    project = projects.projects.add(id="p", state=project_pb2.Project.ARCHIVED)
    project.labels.values["a"] = "b"
    project.domains.add(id="d")
    call.answers["ListProjects"] = projects
    answer = await client.get("/api/v1/projects")
    assert answer.json() == {
        "projects": [
            {
                "id": "p",
                "name": "",
                "domains": [{"id": "d", "name": ""}],
                "description": "",
                "labels": {"values": {"a": "b"}},
                "state": "ARCHIVED",
                "org": "",
            }
        ],
        "token": "",
    }
    data = execution_pb2.WorkflowExecutionGetDataResponse()
    data.inputs.bytes = 2**40
    data.full_inputs.literals["n"].scalar.primitive.integer = 2**53 + 1
    data.full_inputs.literals["b"].scalar.binary.value = b"\xff"
    call.answers["GetExecutionData"] = data
    answer = await client.get("/api/v1/data/executions/p/d/x")
    assert answer.json()["inputs"]["bytes"] == str(2**40)
    literals = answer.json()["fullInputs"]["literals"]
    assert literals["n"]["scalar"]["primitive"] == {"integer": str(2**53 + 1)}
    assert literals["n"]["metadata"] == {}
    assert literals["b"]["scalar"]["binary"]["value"] == "/w=="


async def test_an_empty_answer_is_an_empty_object(client: httpx.AsyncClient, call: Any) -> None:
    call.answers["SetSignal"] = signal_pb2.SignalSetResponse()
    answer = await client.post("/api/v1/signals", json={})
    assert answer.content == b"{}"


async def test_a_workflow_closure_reads_back_from_its_json(client: httpx.AsyncClient, call: Any) -> None:
    from google.protobuf import json_format

    workflow = workflow_pb2.Workflow()
    node = workflow.closure.compiled_workflow.primary.template.nodes.add(id="n0")
    node.metadata.name = "n"
    node.array_node.parallelism = 3
    workflow.closure.compiled_workflow.primary.connections.downstream["start-node"].ids.append("n0")
    call.answers["GetWorkflow"] = workflow
    for accept in ("application/json", "*/*"):
        answer = await client.get("/api/v1/workflows/p/d/n/v", headers={"accept": accept})
        assert json_format.Parse(answer.content, workflow_pb2.Workflow()) == workflow


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (InvalidArgument("m"), 400, 3),
        (NotFound("m"), 404, 5),
        (AlreadyExists("m"), 409, 6),
        (PermissionDenied("m"), 403, 7),
        (ResourceExhausted("m"), 429, 8),
        (FailedPrecondition("m"), 400, 9),
        (Unimplemented("m"), 501, 12),
        (Internal("m"), 500, 13),
        (Unavailable("m"), 503, 14),
    ],
)
async def test_an_error_has_the_status_of_its_code(
    client: httpx.AsyncClient, call: Any, error: SandboxError, status: int, code: int
) -> None:
    call.answers["GetExecution"] = error
    answer = await client.get(EXECUTION)
    assert answer.status_code == status
    assert answer.json() == {"code": code, "message": "m", "details": []}
    answer = await client.get(EXECUTION, headers={"accept": OCTETS})
    assert answer.status_code == status
    assert status_pb2.Status.FromString(answer.content) == status_pb2.Status(code=code, message="m")


async def test_details_travel_with_an_error(client: httpx.AsyncClient, call: Any) -> None:
    call.answers["CreateWorkflow"] = AlreadyExists("m", project_pb2.Project(id="p"))
    answer = await client.post("/api/v1/workflows", json={})
    assert answer.json()["details"][0]["@type"] == "type.googleapis.com/flyteidl.admin.Project"


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/nothing",
        "/login",
        "/callback",
        "/logout",
        "/.well-known/openid-configuration",
        "/v1/projects",
        "/api/v1",
        "/api/v1/version/",
        "/api/v1/tasks/p/d/a%2Fb/v",
        "/api/v1/version%0A",
        "/favicon.ico",
    ],
)
async def test_a_path_that_nobody_declared_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 404
    assert answer.json() == {"code": 5, "message": "Not Found", "details": []}


@pytest.mark.parametrize("verb", ["POST", "HEAD", "OPTIONS", "PATCH", "TRACE", "BREW"])
async def test_a_path_with_another_verb_is_unimplemented(client: httpx.AsyncClient, verb: str) -> None:
    answer = await client.request(verb, "/api/v1/version", headers={"accept": OCTETS})
    assert answer.status_code == 501
    if verb != "HEAD":
        status = status_pb2.Status.FromString(answer.content)
        assert (status.code, status.message) == (12, "Method Not Allowed")


async def test_a_value_in_the_path_may_be_empty_and_is_then_missing(
    client: httpx.AsyncClient, call: Any
) -> None:
    await client.get("/api/v1/projects/")
    name, request = call.asked[-1]
    assert (name, request.id) == ("GetProject", "")


async def test_a_long_message_is_cut_and_loses_its_details(client: httpx.AsyncClient, call: Any) -> None:
    call.answers["GetExecution"] = InvalidArgument("ü" * 20_000, project_pb2.Project(id="p"))
    answer = await client.get(EXECUTION)
    assert answer.status_code == 400
    assert answer.json() == {"code": 3, "message": "ü" * 16_000, "details": []}


async def test_what_json_cannot_say_is_an_internal_error(client: httpx.AsyncClient, call: Any) -> None:
    data = execution_pb2.WorkflowExecutionGetDataResponse()
    data.full_inputs.literals["a"].scalar.generic["x"] = float("inf")
    call.answers["GetExecutionData"] = data
    answer = await client.get("/api/v1/data/executions/p/d/x")
    assert (answer.status_code, answer.json()["code"]) == (500, 13)
    answer = await client.get("/api/v1/data/executions/p/d/x", headers={"accept": OCTETS})
    assert execution_pb2.WorkflowExecutionGetDataResponse.FromString(answer.content) == data


async def test_the_openapi_document_describes_every_path(client: httpx.AsyncClient) -> None:
    document = (await client.get("/api/v1/openapi")).json()
    verbs = {(verb.upper(), path) for path, item in document["paths"].items() for verb in item}
    assert verbs == {(route.verb, "/" + "/".join(route.segments)) for route in Routes()}
    text = json.dumps(document)
    for reference in set(re.findall(r"#/definitions/([\w.]+)", text)):
        assert reference in document["definitions"]


async def test_a_body_beyond_the_limit_is_refused_while_it_comes(
    client: httpx.AsyncClient, call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flyte_sandbox.web.gateway.MAX_BODY_BYTES", 10)
    answer = await client.post("/api/v1/projects", content=b"x" * 11, headers={"content-type": OCTETS})
    assert answer.status_code == 413
    assert call.asked == []


async def test_health_is_an_empty_yes(client: httpx.AsyncClient) -> None:
    answer = await client.get("/healthcheck")
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("path", ["/", "/console"])
async def test_the_root_leads_to_the_console(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert (answer.status_code, answer.headers["location"]) == (302, "/console/")


async def test_version_as_a_newcomer_sees_it_with_curl(client: httpx.AsyncClient, call: Any) -> None:
    version = version_pb2.Version(Version="v1.16.8")
    call.answers["GetVersion"] = version_pb2.GetVersionResponse(control_plane_version=version)
    answer = await client.get("/api/v1/version")
    assert json.loads(answer.content)["controlPlaneVersion"]["Version"] == "v1.16.8"


async def test_a_launch_plan_list_keeps_its_order(client: httpx.AsyncClient, call: Any) -> None:
    plans = launch_plan_pb2.LaunchPlanList()
    for name in ("b", "a"):
        plans.launch_plans.add().id.name = name
    call.answers["ListLaunchPlans"] = plans
    answer = await client.get("/api/v1/launch_plans/p/d?limit=2")
    assert [plan["id"]["name"] for plan in answer.json()["launchPlans"]] == ["b", "a"]
