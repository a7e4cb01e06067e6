"""The wiring of a whole sandbox, through its doors."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from datetime import datetime, timedelta, timezone
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from flyte_sandbox.testing import Sandbox, running_sandbox

from .waiting import eventually


def fetch(sandbox: Sandbox, path: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(f"{sandbox.public_url}{path}") as answer:  # noqa: S310 - our own address
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_grpc_and_http_answer_on_one_port() -> None:
    with running_sandbox() as sandbox:
        assert fetch(sandbox, "/healthcheck") == (200, b"")
        with grpc.insecure_channel(f"localhost:{sandbox.port}") as channel:
            health = health_pb2_grpc.HealthStub(channel)
            answer = health.Check(health_pb2.HealthCheckRequest(service="flyteadmin"))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_a_state_folder_may_be_named_from_the_current_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with running_sandbox(Path("state")) as sandbox:
        assert sandbox.config.state == tmp_path / "state"


def test_the_deep_healthcheck_waits_for_a_template_that_can_start_tasks() -> None:
    with running_sandbox() as sandbox:
        status, body = eventually(
            lambda: (found := fetch(sandbox, "/healthcheck?deep=1"))[0] == 200 and found
        )
        assert (status, json.loads(body)) == (200, {"tasks": "ready"})


def test_signed_links_outlive_a_restart(tmp_path: Path) -> None:
    expires_at = datetime.now(timezone.utc) + timedelta(minutes=5)
    with running_sandbox(state=tmp_path) as sandbox:
        query = sandbox.signer.sign("GET", "/signed/my-s3-bucket/x", expires_at)
    with running_sandbox(state=tmp_path) as sandbox:
        sandbox.signer.verify("GET", "/signed/my-s3-bucket/x", query)
