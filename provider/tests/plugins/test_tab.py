"""The Flyte tab, served by Airflow's own API server: who may see it, and what it shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import airflow
import grpc
import pytest
from flyteidl.core import types_pb2
from flyteidl.core.execution_pb2 import NodeExecution

from flyte_provider import _airflow_private
from flyte_provider._client.codec import encode
from flyte_provider.plugins import _tab_page
from flyte_provider.plugins.flyte import URL_PREFIX, FlytePlugin

from ..fakes.admin import DOMAIN, PROJECT, FakeAdmin, Phase, user_error

VERSION = tuple(int(part) for part in airflow.__version__.split(".")[:2])
pytestmark = [
    pytest.mark.usefixtures("airflow_database"),
    pytest.mark.skipif(VERSION < (3, 1), reason="plugins have had tabs since Airflow 3.1"),
]

STR = types_pb2.LiteralType(simple=types_pb2.STRING)
PAGE = f"{URL_PREFIX}/ti/dag/manual__2024-01-01T00:00:00+00:00/t/-1"


@pytest.fixture
def pushed(monkeypatch: pytest.MonkeyPatch, conn_id: str) -> dict[str, Any]:
    """The XCom of the task instance; found for its own coordinates only."""
    found = {"project": PROJECT, "domain": DOMAIN, "name": "e1", "conn_id": conn_id, "url": "http://flyte/e1"}

    def read(*where: Any) -> Any:
        mine = ("dag", "manual__2024-01-01T00:00:00+00:00", "t", -1, "flyte_execution")
        return found if where == mine else None

    monkeypatch.setattr("flyte_provider._airflow_private.read_xcom_on_server", read)
    return found


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """Airflow's API server with our plugin, as an installed provider has it."""
    from airflow import plugins_manager
    from airflow.api_fastapi.app import create_app
    from fastapi.testclient import TestClient

    monkeypatch.setenv("AIRFLOW__API_AUTH__JWT_ISSUER", "airflow")
    monkeypatch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "a secret of this test, long enough for HS512 " * 2)
    users = "admin:admin,viewer:viewer"
    monkeypatch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS", users)
    passwords = tmp_path / "passwords.json"
    passwords.write_text(json.dumps({"admin": "a", "viewer": "v"}))
    monkeypatch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE", str(passwords))
    if hasattr(plugins_manager, "get_fastapi_plugins"):
        plugins = (FlytePlugin.fastapi_apps, [])
        monkeypatch.setattr(plugins_manager, "get_fastapi_plugins", lambda: plugins)
    else:
        monkeypatch.setattr(plugins_manager, "fastapi_apps", FlytePlugin.fastapi_apps)
        monkeypatch.setattr(plugins_manager, "fastapi_root_middlewares", [])
        monkeypatch.setattr(plugins_manager, "initialize_fastapi_plugins", lambda: None)
    with TestClient(create_app(), base_url="http://localhost") as client:
        yield client


def sign_in(client: Any) -> None:
    reply = client.post("/auth/token", json={"username": "viewer", "password": "v"})
    token = reply.json()["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"


def test_nobody_sees_it_without_airflows_permission(
    client: Any, pushed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get(PAGE).status_code == 401
    sign_in(client)
    from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

    asked = []

    def refuse(self: Any, **kwargs: Any) -> bool:
        asked.append((kwargs["method"], kwargs["access_entity"].name, kwargs["details"].id))
        return False

    monkeypatch.setattr(SimpleAuthManager, "is_authorized_dag", refuse)
    assert client.get(PAGE).status_code == 403
    assert asked[0] == ("GET", "TASK_INSTANCE", "dag")


def test_it_shows_a_running_execution(client: Any, pushed: dict[str, Any], admin: FakeAdmin) -> None:
    admin.script = None
    execution = admin.add_execution("e1", age=timedelta(seconds=10))
    execution.spec.launch_plan.name = "train"
    execution.closure.started_at.CopyFrom(execution.closure.created_at)
    admin.outputs["e1"] = encode_map(o0="done")
    admin.set_node("e1", "n0", NodeExecution.SUCCEEDED, seconds=4)
    sign_in(client)
    reply = client.get(PAGE)
    assert reply.status_code == 200
    text = reply.text
    assert all(words in text for words in ("e1", "RUNNING", "train", "n0", "4.0 s", "still running"))
    assert '<meta http-equiv="refresh"' in text
    assert 'href="http://flyte/e1"' in text
    assert "&#34;o0&#34;: &#34;done&#34;" in text


def encode_map(**values: str) -> Any:
    from flyteidl.core import literals_pb2

    return literals_pb2.LiteralMap(literals={name: encode(value, STR) for name, value in values.items()})


def test_it_shows_why_it_failed_and_where(client: Any, pushed: dict[str, Any], admin: FakeAdmin) -> None:
    admin.script = None
    admin.add_execution("e1")
    admin.end("e1", Phase.FAILED, error=user_error("ZeroDivisionError: <b>boom</b>"))
    admin.add_failed_node("e1", "n1", "attempt's own words", attempts=2)
    sign_in(client)
    text = client.get(PAGE).text
    assert "ZeroDivisionError: &lt;b&gt;boom&lt;/b&gt;" in text
    assert "1: " in text
    assert "2: " in text
    assert 'href="http://logs/e1/n1/1"' in text
    assert "refresh" not in text


def test_it_shows_who_aborted(client: Any, pushed: dict[str, Any], admin: FakeAdmin) -> None:
    admin.script = None
    execution = admin.add_execution("e1", Phase.ABORTED)
    execution.closure.abort_metadata.cause, execution.closure.abort_metadata.principal = "enough", "ada"
    sign_in(client)
    assert "Aborted by ada: enough" in client.get(PAGE).text


@pytest.mark.parametrize("path", ["/ti/dag/r/t/-1", "/ti/dag/r/t/3", "/ti/dag/r/t/{MAP_INDEX}"])
def test_a_task_without_an_execution_says_so(client: Any, pushed: dict[str, Any], path: str) -> None:
    sign_in(client)
    assert "No Flyte execution" in client.get(URL_PREFIX + path).text


def test_trouble_is_told_as_text(client: Any, pushed: dict[str, Any], admin: FakeAdmin) -> None:
    sign_in(client)
    assert "does not know execution e1" in client.get(PAGE).text
    admin.add_execution("e1")
    admin.fail("GetExecution", grpc.StatusCode.UNAVAILABLE, details="<script>")
    text = client.get(PAGE).text
    assert "Flyte does not answer" in text
    assert "<script>" not in text
    for method in ("GetExecutionData", "ListNodeExecutions"):
        admin.fail(method, grpc.StatusCode.PERMISSION_DENIED, details="not yours")
    assert "cannot be read: not yours" in client.get(PAGE).text


def test_nothing_in_the_page_runs_or_is_loaded(client: Any, pushed: dict[str, Any], admin: FakeAdmin) -> None:
    admin.add_execution("e1")
    pushed["url"] = "javascript:alert(1)"
    sign_in(client)
    reply = client.get(PAGE)
    assert "javascript:" not in reply.text
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    assert "frame-ancestors 'self'" in reply.headers["content-security-policy"]
    assert reply.headers["cache-control"] == "no-store"


def test_the_tab_is_declared_below_airflows_own_path(monkeypatch: pytest.MonkeyPatch) -> None:
    from flyte_provider.plugins import flyte

    (view,) = FlytePlugin.external_views
    assert view["destination"] == "task_instance"
    assert view["href"] == "/flyte/ti/{DAG_ID}/{RUN_ID}/{TASK_ID}/{MAP_INDEX}"
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://h/team/airflow/")
    assert flyte._views()[0]["href"].startswith("/team/airflow/flyte/ti/")


def test_airflow_takes_the_plugin() -> None:
    from airflow.api_fastapi.core_api.datamodels.plugins import ExternalViewResponse, FastAPIAppResponse

    ExternalViewResponse.model_validate(FlytePlugin.external_views[0])
    app = FlytePlugin.fastapi_apps[0]
    FastAPIAppResponse.model_validate({**app, "app": str(app["app"])})


def test_the_xcom_is_found_in_airflows_database(admin: FakeAdmin, conn_id: str) -> None:
    from ..test_dag_runs import mode, run

    admin.add_launch_plan("basics.hello_world.hello_wf")
    dag_run = run(mode("fires_and_forgets"))[""]
    where = (dag_run.dag_id, dag_run.run_id, "t", -1)
    found = _airflow_private.read_xcom_on_server(*where, "flyte_execution")
    assert (found["name"], found["conn_id"]) == (next(iter(admin.executions)), conn_id)
    assert _airflow_private.read_xcom_on_server(*where, "nothing") is None


def test_only_web_addresses_are_links() -> None:
    assert _tab_page._is_web("https://h")
    assert not _tab_page._is_web("data:text/html,x")
