"""The verbs' questions to a Flyte, answered by a real flyte_sandbox."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airflyte.flyte.client import FlyteClient
from flyte_sandbox.testing import Sandbox, running_sandbox

PROJECT, DOMAIN = "flytesnacks", "development"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox() as running:
        yield running


@pytest.fixture
def client(sandbox: Sandbox) -> FlyteClient:
    return FlyteClient(sandbox.port)


def test_projects_are_listed(client: FlyteClient) -> None:
    assert PROJECT in client.project_ids()


def test_health_is_asked_over_http(client: FlyteClient) -> None:
    assert client.health()[0] == 200


def test_an_upload_is_read_back_and_a_repeat_has_the_same_address(client: FlyteClient) -> None:
    first = client.upload(PROJECT, DOMAIN, b"content")
    assert first.startswith("s3://")
    assert client.download(first) == b"content"
    assert client.upload(PROJECT, DOMAIN, b"content") == first


def test_no_execution_runs_yet_and_an_unknown_one_is_an_os_error(client: FlyteClient) -> None:
    assert client.active_executions(PROJECT, DOMAIN) == []
    with pytest.raises(OSError, match="NOT_FOUND"):
        client.execution(PROJECT, DOMAIN, "unknown")


def test_nobody_there_is_an_os_error() -> None:
    client = FlyteClient(1, call_seconds=1)
    with pytest.raises(OSError, match=r"UNAVAILABLE|DEADLINE_EXCEEDED"):
        client.project_ids()
    with pytest.raises(OSError, match="refused"):
        client.health()


def test_pages_have_the_real_consoles_addresses(client: FlyteClient) -> None:
    url = client.console_url(PROJECT, DOMAIN, "a1b2")
    assert url == (
        f"http://localhost:{client.port}/console/projects/flytesnacks/domains/development/executions/a1b2"
    )
