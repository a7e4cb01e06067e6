"""Which services there are, and what becomes of errors on their way to a client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from flyteidl.admin import project_pb2, task_pb2
from flyteidl.service import admin_pb2_grpc, auth_pb2, auth_pb2_grpc, identity_pb2, identity_pb2_grpc
from google.rpc import status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from flyte_sandbox.errors import AlreadyExists, InvalidArgument
from flyte_sandbox.rpc.dispatch import Dispatcher
from flyte_sandbox.rpc.server import GrpcServer

_ADMIN = "/flyteidl.service.AdminService/"
INACTIVE = project_pb2.InactiveProject(id="p")
MANY_BYTES = 5 * 1024 * 1024


def refuse(_: Any) -> Any:
    raise InvalidArgument("project [p] is not active", INACTIVE)


def refuse_at_length(_: Any) -> Any:
    raise AlreadyExists("x" * 40_000, INACTIVE)


def break_down(_: Any) -> Any:
    raise KeyError("a secret of the server")


def count_bytes(request: project_pb2.Project) -> project_pb2.ProjectUpdateResponse:
    assert len(request.description) == MANY_BYTES
    return project_pb2.ProjectUpdateResponse()


@pytest.fixture
async def channel(tmp_path: Path) -> AsyncIterator[grpc.aio.Channel]:
    dispatcher = Dispatcher(
        {
            _ADMIN + "RegisterProject": refuse,
            _ADMIN + "CreateTask": refuse_at_length,
            _ADMIN + "GetProject": break_down,
            _ADMIN + "UpdateProject": count_bytes,
        }
    )
    target = f"unix:{tmp_path / 'grpc'}"
    server = GrpcServer(dispatcher.call, target)
    await server.start()
    # flytekit's own limit for what comes beside messages; grpc's would refuse long errors.
    options = [("grpc.max_metadata_size", 32 * 1024)]
    async with grpc.aio.insecure_channel(target, options) as channel:
        yield channel
    await server.stop(0)
    dispatcher.close()


@pytest.fixture
def admin(channel: grpc.aio.Channel) -> admin_pb2_grpc.AdminServiceStub:
    return admin_pb2_grpc.AdminServiceStub(channel)


def details_of(error: pytest.ExceptionInfo[grpc.aio.AioRpcError]) -> status_pb2.Status | None:
    trailing = dict(error.value.trailing_metadata())
    data = trailing.get("grpc-status-details-bin")
    return None if data is None else status_pb2.Status.FromString(data)


async def test_reflection_names_what_is_registered(channel: grpc.aio.Channel) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    asked = [reflection_pb2.ServerReflectionRequest(list_services="")]
    (answer,) = [one async for one in stub.ServerReflectionInfo(iter(asked))]
    assert {one.name for one in answer.list_services_response.service} == {
        "flyteidl.service.AdminService",
        "flyteidl.service.DataProxyService",
        "flyteidl.service.SignalService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }


async def test_health_is_told_of_the_whole_and_of_flyteadmin(channel: grpc.aio.Channel) -> None:
    check = health_pb2_grpc.HealthStub(channel).Check
    for service in ("", "flyteadmin"):
        answer = await check(health_pb2.HealthCheckRequest(service=service))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await check(health_pb2.HealthCheckRequest(service="flytepropeller"))
    assert error.value.code() == grpc.StatusCode.NOT_FOUND


async def test_with_auth_off_nobody_asks_who_calls(channel: grpc.aio.Channel) -> None:
    metadata = auth_pb2_grpc.AuthMetadataServiceStub(channel)
    for call, request in (
        (identity_pb2_grpc.IdentityServiceStub(channel).UserInfo, identity_pb2.UserInfoRequest()),
        (metadata.GetOAuth2Metadata, auth_pb2.OAuth2MetadataRequest()),
        (metadata.GetPublicClientConfig, auth_pb2.PublicClientAuthConfigRequest()),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await call(request)
        assert error.value.code() == grpc.StatusCode.UNIMPLEMENTED


async def test_an_error_keeps_its_code_message_and_details(admin: admin_pb2_grpc.AdminServiceStub) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await admin.RegisterProject(project_pb2.ProjectRegisterRequest())
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    status = details_of(error)
    assert status is not None
    assert (status.code, status.message) == (3, error.value.details())
    found = project_pb2.InactiveProject()
    assert status.details[0].Unpack(found)
    assert found == INACTIVE


async def test_a_long_message_is_cut_and_loses_its_details(admin: admin_pb2_grpc.AdminServiceStub) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await admin.CreateTask(task_pb2.TaskCreateRequest())
    assert error.value.code() == grpc.StatusCode.ALREADY_EXISTS
    assert error.value.details() == "x" * 32_000
    assert details_of(error) is None


async def test_what_breaks_down_is_internal_and_tells_no_secrets(
    admin: admin_pb2_grpc.AdminServiceStub,
) -> None:
    """flytekit would answer UNKNOWN with a login."""
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await admin.GetProject(project_pb2.ProjectGetRequest())
    assert error.value.code() == grpc.StatusCode.INTERNAL
    assert "secret" not in str(error.value.details())


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
async def test_large_requests_arrive_compressed_or_not(
    admin: admin_pb2_grpc.AdminServiceStub, compression: grpc.Compression
) -> None:
    """Four megabytes are grpc's own limit."""
    request = project_pb2.Project(description="x" * MANY_BYTES)
    metadata = (("accept", "application/grpc"), ("x-request-id", "a1"), ("flyte-authorization", "Bearer x"))
    await admin.UpdateProject(request, compression=compression, metadata=metadata)
