"""The blocking client over a real channel: repeating, wording, TLS."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from flyteidl.admin import execution_pb2

from flyte_provider._client.admin import FlyteClient
from flyte_provider.connection import FlyteConnection
from flyte_provider.exceptions import (
    FlyteAuthenticationError,
    FlyteConfigurationError,
    FlyteEntityNotFoundError,
    FlyteServerError,
)

from ..fakes.admin import DOMAIN, PROJECT, FakeAdmin, execution_id, serve
from ..fakes.certificates import Certificate

Code = grpc.StatusCode


class Pauses(list[float]):
    """Takes pauses without sleeping."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
def connection(admin: FakeAdmin) -> FlyteConnection:
    return FlyteConnection("c", f"127.0.0.1:{admin.port}", insecure=True)


@pytest.fixture
def client(connection: FlyteConnection, pauses: Pauses) -> FlyteClient:
    return FlyteClient(connection, pause=pauses)


def test_a_read_is_repeated_while_the_server_is_away(
    admin: FakeAdmin, client: FlyteClient, pauses: Pauses
) -> None:
    admin.add_execution("e1")
    admin.fail("GetExecution", times=4)
    assert client.get_execution(execution_id("e1")).id.name == "e1"
    assert pauses == [0.25, 0.5, 1.0, 2.0]


def test_repeating_ends(admin: FakeAdmin, connection: FlyteConnection, pauses: Pauses) -> None:
    admin.fail("GetExecution", times=9)
    client = FlyteClient(connection, retry_seconds=0.1, pause=pauses)
    with pytest.raises(FlyteServerError, match=r"could not get execution 'e1' \(UNAVAILABLE: injected\)"):
        client.get_execution(execution_id("e1"))
    assert admin.count("GetExecution") == 1


@pytest.mark.parametrize(
    "code", [Code.INVALID_ARGUMENT, Code.FAILED_PRECONDITION, Code.UNIMPLEMENTED, Code.PERMISSION_DENIED]
)
def test_a_refusal_is_not_repeated(admin: FakeAdmin, client: FlyteClient, code: Code, pauses: Pauses) -> None:
    admin.fail("GetExecution", code, times=3)
    with pytest.raises(FlyteServerError) as caught:
        client.get_execution(execution_id("e1"))
    assert (caught.value.code, pauses, admin.count("GetExecution")) == (code.name, [], 1)


def test_a_look_is_not_repeated(admin: FakeAdmin, client: FlyteClient) -> None:
    admin.fail("GetExecution")
    with pytest.raises(FlyteServerError):
        client.look_at_execution(execution_id("e1"))
    assert admin.count("GetExecution") == 1


def test_a_create_that_was_done_but_not_answered_shows_as_existing(
    admin: FakeAdmin, client: FlyteClient
) -> None:
    admin.fail("CreateExecution", after=True)
    request = execution_pb2.ExecutionCreateRequest(project=PROJECT, domain=DOMAIN, name="e1")
    with pytest.raises(FlyteServerError) as caught:
        client.create_execution(request)
    assert caught.value.code == "ALREADY_EXISTS"
    assert list(admin.executions) == ["e1"]


def test_a_slow_server_is_unanswered_after_the_timeout(admin: FakeAdmin, connection: FlyteConnection) -> None:
    admin.hold("GetVersion")
    client = FlyteClient(connection)
    with pytest.raises(FlyteServerError) as caught:
        client.get_version(timeout=0.2)
    assert caught.value.code == "DEADLINE_EXCEEDED"


def test_not_found_and_unauthenticated_have_errors_of_their_own(
    admin: FakeAdmin, client: FlyteClient
) -> None:
    with pytest.raises(FlyteEntityNotFoundError, match="connection 'c'"):
        client.get_execution(execution_id("none"))
    admin.fail("GetExecution", Code.UNAUTHENTICATED, details="who are you")
    with pytest.raises(FlyteAuthenticationError) as caught:
        client.get_execution(execution_id("e1"))
    assert str(caught.value) == (
        f"Flyte at {client.connection.endpoint} (connection 'c') rejected an anonymous client "
        "(UNAUTHENTICATED: who are you); auth_mode=none. "
        "Set Client ID and Client secret, or another auth_mode, in the connection"
    )


def test_a_closed_port_says_what_to_check(pauses: Pauses) -> None:
    client = FlyteClient(FlyteConnection("c", "127.0.0.1:1", insecure=True), pause=pauses)
    with pytest.raises(FlyteServerError, match=r"UNAVAILABLE.*check Host, Port and insecure"):
        client.look_at_execution(execution_id("e1"))


def test_tls_trusts_the_file_that_the_connection_names(tmp_path: Path) -> None:
    certificate = Certificate(tmp_path)
    with serve(FakeAdmin(), certificate.credentials()) as admin:
        connection = FlyteConnection("c", f"localhost:{admin.port}", ca_cert_file_path=str(certificate.path))
        assert FlyteClient(connection).get_version() == "v1.16.8"


def test_tls_trusts_the_systems_authorities(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = Certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
    with serve(FakeAdmin(), certificate.credentials()) as admin:
        connection = FlyteConnection("c", f"localhost:{admin.port}")
        assert FlyteClient(connection).get_version() == "v1.16.8"


def test_tls_trusts_nobody_else(tmp_path: Path) -> None:
    with serve(FakeAdmin(), Certificate(tmp_path).credentials()) as admin:
        client = FlyteClient(FlyteConnection("c", f"localhost:{admin.port}"))
        with pytest.raises(FlyteServerError) as caught:
            client.get_version()
    assert caught.value.code == "UNAVAILABLE"


def test_tls_checks_the_name_that_authority_gives(tmp_path: Path) -> None:
    certificate = Certificate(tmp_path)
    with serve(FakeAdmin(), certificate.credentials()) as admin:
        right = FlyteConnection(
            "c", f"127.0.0.1:{admin.port}", ca_cert_file_path=str(certificate.path), authority="localhost"
        )
        assert FlyteClient(right).get_version() == "v1.16.8"
        with pytest.raises(FlyteServerError):
            FlyteClient(replace(right, authority="other")).get_version()
        with pytest.raises(FlyteServerError):
            FlyteClient(replace(right, authority="")).get_version()


def test_a_missing_authority_file_is_named(tmp_path: Path) -> None:
    connection = FlyteConnection("c", "h:443", ca_cert_file_path=str(tmp_path / "none.pem"))
    with pytest.raises(FlyteConfigurationError, match=r"'c': ca_cert_file_path '.*none.pem' cannot be read"):
        FlyteClient(connection)
