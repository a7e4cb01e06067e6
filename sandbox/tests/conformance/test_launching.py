"""What CreateExecution refuses, and in which words; how executions are listed and filtered."""

from __future__ import annotations

import uuid

import grpc
import pytest
from flyteidl.admin import common_pb2, execution_pb2
from flyteidl.core import identifier_pb2, literals_pb2
from flyteidl.service.admin_pb2_grpc import AdminServiceStub

from .entities import identifier, integer, launch_plan_request, task_request, text, workflow_request
from .index import covers


@pytest.fixture(scope="module")
def plan(admin: AdminServiceStub, project: str) -> identifier_pb2.Identifier:
    """``x`` is required."""
    task = task_request(project, "launched.task")
    admin.CreateTask(task)
    workflow = workflow_request(project, "launched.wf", task.id)
    admin.CreateWorkflow(workflow)
    request = launch_plan_request(project, "launched.wf", workflow.id)
    admin.CreateLaunchPlan(request)
    return request.id


@pytest.fixture(scope="module")
def fixed_plan(admin: AdminServiceStub, project: str, plan: identifier_pb2.Identifier) -> object:
    workflow = identifier(identifier_pb2.WORKFLOW, project, "launched.wf")
    request = launch_plan_request(project, "fixed.plan", workflow, fixed={"x": 7})
    admin.CreateLaunchPlan(request)
    return request.id


def request_for(
    plan: identifier_pb2.Identifier, name: str = "", **inputs: literals_pb2.Literal
) -> execution_pb2.ExecutionCreateRequest:
    return execution_pb2.ExecutionCreateRequest(
        project=plan.project,
        domain=plan.domain,
        name=name,
        spec=execution_pb2.ExecutionSpec(launch_plan=plan),
        inputs=literals_pb2.LiteralMap(literals=inputs),
    )


def refusal(admin: AdminServiceStub, request: execution_pb2.ExecutionCreateRequest) -> tuple[str, str]:
    with pytest.raises(grpc.RpcError) as error:
        admin.CreateExecution(request)
    return error.value.code().name, error.value.details()


@covers("rpc CreateExecution")
def test_a_missing_input_is_named(admin: AdminServiceStub, plan: identifier_pb2.Identifier) -> None:
    assert refusal(admin, request_for(plan)) == ("INVALID_ARGUMENT", "expected_inputs x missing")


def test_an_unknown_input_is_named(admin: AdminServiceStub, plan: identifier_pb2.Identifier) -> None:
    request = request_for(plan, x=integer(1), y=integer(2))
    assert refusal(admin, request) == ("INVALID_ARGUMENT", "invalid input y")


def test_a_wrong_type_is_named(admin: AdminServiceStub, plan: identifier_pb2.Identifier) -> None:
    code, message = refusal(admin, request_for(plan, x=text("one")))
    assert code == "INVALID_ARGUMENT"
    assert message.startswith("invalid x input wrong type")


def test_fixed_inputs_cannot_be_overridden(
    admin: AdminServiceStub, fixed_plan: identifier_pb2.Identifier
) -> None:
    assert refusal(admin, request_for(fixed_plan, x=integer(1))) == ("INVALID_ARGUMENT", "invalid input x")


def test_an_unknown_launch_plan_is_not_found(
    admin: AdminServiceStub, plan: identifier_pb2.Identifier
) -> None:
    other = identifier(identifier_pb2.LAUNCH_PLAN, plan.project, "no.such.plan")
    code, message = refusal(admin, request_for(other))
    assert code == "NOT_FOUND"
    assert "missing entity of type LAUNCH_PLAN" in message


@pytest.mark.parametrize("name", ["1abc", "a_b", "a" * 64])
def test_a_bad_name_is_refused(admin: AdminServiceStub, plan: identifier_pb2.Identifier, name: str) -> None:
    code, message = refusal(admin, request_for(plan, name, x=integer(1)))
    assert code == "INVALID_ARGUMENT"
    assert "name" in message


@covers("trap 20")
def test_refused_requests_leave_no_execution(
    admin: AdminServiceStub, plan: identifier_pb2.Identifier
) -> None:
    name = f"a{uuid.uuid4().hex[:10]}"
    refusal(admin, request_for(plan, name))
    id = identifier_pb2.WorkflowExecutionIdentifier(project=plan.project, domain=plan.domain, name=name)
    with pytest.raises(grpc.RpcError) as error:
        admin.GetExecution(execution_pb2.WorkflowExecutionGetRequest(id=id))
    assert error.value.code() == grpc.StatusCode.NOT_FOUND


@covers("rpc CreateExecution", "trap 20")
def test_a_name_is_given_only_once(admin: AdminServiceStub, plan: identifier_pb2.Identifier) -> None:
    name = f"a{uuid.uuid4().hex[:10]}"
    admin.CreateExecution(request_for(plan, name, x=integer(1)))
    code, message = refusal(admin, request_for(plan, name, x=integer(2)))
    assert code == "ALREADY_EXISTS"
    assert name in message


def test_generated_names_have_flytes_shape(admin: AdminServiceStub, plan: identifier_pb2.Identifier) -> None:
    name = admin.CreateExecution(request_for(plan, x=integer(1))).id.name
    assert len(name) == 20
    assert name[0] == "a"


@covers("trap 1", "trap 12", "rpc GetExecutionData")
def test_inputs_may_come_inside_the_spec_as_the_console_sends_them(
    admin: AdminServiceStub, plan: identifier_pb2.Identifier
) -> None:
    request = request_for(plan)
    request.spec.inputs.literals["x"].CopyFrom(integer(5))
    id = admin.CreateExecution(request).id
    data = admin.GetExecutionData(execution_pb2.WorkflowExecutionGetDataRequest(id=id))
    assert data.full_inputs.literals["x"] == integer(5)
    assert data.inputs.bytes == 0


@covers("trap 14", "rpc GetExecution")
def test_the_principal_is_the_servers_to_say(
    admin: AdminServiceStub, plan: identifier_pb2.Identifier
) -> None:
    request = request_for(plan, x=integer(1))
    request.spec.metadata.principal = "placeholder"
    id = admin.CreateExecution(request).id
    execution = admin.GetExecution(execution_pb2.WorkflowExecutionGetRequest(id=id))
    assert execution.spec.metadata.principal == ""
    assert execution.spec.metadata.system_metadata.namespace == f"{plan.project}-development"
    assert execution.closure.workflow_id.name == "launched.wf"


def list_names(admin: AdminServiceStub, project: str, filters: str) -> list[str]:
    request = common_pb2.ResourceListRequest(
        id=common_pb2.NamedEntityIdentifier(project=project, domain="development"),
        limit=100,
        filters=filters,
        sort_by=common_pb2.Sort(key="created_at"),
    )
    return [execution.id.name for execution in admin.ListExecutions(request).executions]


@covers("rpc ListExecutions", "trap 8")
def test_executions_are_found_by_workflow_launch_plan_label_and_time(
    admin: AdminServiceStub, plan: identifier_pb2.Identifier
) -> None:
    request = request_for(plan, x=integer(1))
    tag = f"tag-{uuid.uuid4().hex[:8]}"
    request.spec.labels.values["colour"] = tag
    name = admin.CreateExecution(request).id.name
    for filters in (
        f"eq(execution_tag.value,{tag})",
        f"value_in(execution_tag.key,colour)+value_in(execution_tag.value,{tag})",
        f"eq(workflow.name,launched.wf)+eq(execution_name,{name})",
        f"eq(launch_plan.name,launched.wf)+eq(execution_name,{name})",
        f"gte(created_at,2020-01-01T00:00:00Z)+eq(execution_name,{name})",
        f"eq(mode,0)+eq(execution_name,{name})",
    ):
        assert list_names(admin, plan.project, filters) == [name], filters
    assert list_names(admin, plan.project, f"eq(task.name,x)+eq(execution_name,{name})") == []


@covers("rpc UpdateExecution")
def test_archived_executions_are_listed_only_when_asked_for(
    admin: AdminServiceStub, plan: identifier_pb2.Identifier
) -> None:
    id = admin.CreateExecution(request_for(plan, x=integer(1))).id
    archived = execution_pb2.EXECUTION_ARCHIVED
    admin.UpdateExecution(execution_pb2.ExecutionUpdateRequest(id=id, state=archived))
    assert list_names(admin, plan.project, f"eq(execution_name,{id.name})") == []
    assert list_names(admin, plan.project, f"eq(execution_name,{id.name})+eq(state,1)") == [id.name]
