"""doctor --airflow says of somebody's Airflow what is missing there, in the order in which to mend it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from airflyte import cli, settings
from airflyte.checks import attached
from airflyte.settings import Settings

CHECKOUT = Path(__file__).resolve().parents[3]
OURS = {"package_name": "airflow-provider-flyte", "version": "1.0.0+airflyte"}
CONNECTION = {"connection_id": "flyte_conn", "conn_type": "flyte", "host": "localhost", "port": 30080}
REACHED = {"status": True, "message": "Flyte v1.16.8 answered in 4 ms"}


class FakeAirflow:
    """Answers what a test says, by method and path; everything else is not found."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, Any]] = {}
        self.asked: list[tuple[str, Any, str]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        airflow = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(size)) if size else None
                key = f"{self.command} {self.path.partition('?')[0]}"
                airflow.asked.append((key, body, self.headers.get("Authorization", "")))
                status, answer = airflow.answers.get(key, (404, {"detail": "not found"}))
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_POST = do_GET  # noqa: N815 - the name that the server calls

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        return Handler


@pytest.fixture
def airflow() -> Iterator[FakeAirflow]:
    """An Airflow 3.3 that lacks nothing."""
    fake = FakeAirflow()
    fake.answers = {
        "GET /api/v2/version": (200, {"version": "3.3.2"}),
        "GET /auth/token": (201, {"access_token": "t"}),
        "POST /auth/token": (201, {"access_token": "named"}),
        "GET /api/v2/providers": (200, {"providers": [OURS]}),
        "GET /api/v2/monitor/health": (200, {"triggerer": {"status": "healthy"}}),
        "GET /api/v2/connections/flyte_conn": (200, CONNECTION),
        "POST /api/v2/connections/test": (200, REACHED),
    }
    yield fake
    fake.close()


@pytest.fixture
def stack(checkout: Path) -> Settings:
    return settings.load(checkout, {})


def levels(airflow: FakeAirflow, stack: Settings, *login: str) -> dict[str, str]:
    return {finding.name: finding.level for finding in attached.examine(stack, airflow.url, *login)}


def advice(airflow: FakeAirflow, stack: Settings, name: str) -> str:
    (found,) = (f for f in attached.examine(stack, airflow.url) if f.name == name)
    return f"{found.level}: {found.text}; {found.advice}"


def test_nothing_is_missing(airflow: FakeAirflow, stack: Settings) -> None:
    names = ["airflow", "provider", "triggerer", "connection", "flyte from there"]
    assert levels(airflow, stack) == dict.fromkeys(names, "ok")
    assert airflow.asked[-1][2] == "Bearer t"


def test_an_airflow_2_is_asked_in_its_way(airflow: FakeAirflow, stack: Settings) -> None:
    old = {key.replace("/api/v2", "/api/v1"): value for key, value in airflow.answers.items()}
    airflow.answers = {key: value for key, value in old.items() if "token" not in key}
    airflow.answers["GET /api/v1/version"] = (200, {"version": "2.11.0"})
    airflow.answers["GET /api/v1/health"] = (200, {"triggerer": {"status": "healthy"}})
    assert set(levels(airflow, stack, "admin", "secret").values()) == {"ok"}
    assert airflow.asked[-1][2] == "Basic YWRtaW46c2VjcmV0"


def test_a_login_is_used(airflow: FakeAirflow, stack: Settings) -> None:
    levels(airflow, stack, "ada", "secret")
    assert ("POST /auth/token", {"username": "ada", "password": "secret"}, "") in airflow.asked
    assert airflow.asked[-1][2] == "Bearer named"


@pytest.mark.parametrize(
    ("key", "answer", "name", "said"),
    [
        (
            "GET /api/v2/version",
            (200, {"version": "2.10.5"}),
            "airflow",
            "failure: 2.10.5; the provider works",
        ),
        ("GET /auth/token", (401, {}), "airflow login", ""),
        ("GET /api/v2/providers", (200, {"providers": []}), "provider", "is not installed there"),
        (
            "GET /api/v2/providers",
            (200, {"providers": [{**OURS, "version": "0.0.5"}]}),
            "provider",
            "pip uninstall airflow-provider-flyte there first",
        ),
        ("GET /api/v2/monitor/health", (200, {"triggerer": {"status": None}}), "triggerer", "wait forever"),
        (
            "GET /api/v2/connections/flyte_conn",
            (404, {}),
            "connection",
            "airflow connections add flyte_conn --conn-type flyte --conn-host localhost",
        ),
        (
            "GET /api/v2/connections/flyte_conn",
            (200, {**CONNECTION, "conn_type": "http"}),
            "connection",
            "is of type 'http'",
        ),
        (
            "POST /api/v2/connections/test",
            (200, {"status": False, "message": "UNAVAILABLE: connection refused"}),
            "flyte from there",
            "failure: UNAVAILABLE: connection refused",
        ),
        ("POST /api/v2/connections/test", (403, {}), "flyte from there", "test_connection = Enabled"),
    ],
)
def test_what_is_missing_is_said(
    airflow: FakeAirflow, stack: Settings, key: str, answer: tuple[int, Any], name: str, said: str
) -> None:
    if key == "GET /auth/token":
        airflow.answers["GET /api/v2/providers"] = (401, {})
    airflow.answers[key] = answer
    assert said in advice(airflow, stack, name)


def test_the_connection_that_is_there_is_the_one_that_is_tried(airflow: FakeAirflow, stack: Settings) -> None:
    levels(airflow, stack)
    assert airflow.asked[-1][1] == CONNECTION


def test_no_airflow_at_all(airflow: FakeAirflow, stack: Settings) -> None:
    airflow.answers.clear()
    assert levels(airflow, stack) == {"airflow": "failure"}
    airflow.close()
    assert levels(airflow, stack) == {"airflow": "failure"}


def test_the_verb_takes_the_address_and_fails_for_a_failure(
    airflow: FakeAirflow, stack: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "CHECKOUT", stack.checkout)
    monkeypatch.setenv("ATTACHED_AIRFLOW_USER", "ada")
    assert cli.main(["doctor", "--airflow", airflow.url]) == 0
    assert "Flyte v1.16.8 answered" in capsys.readouterr().out
    assert any(key == "POST /auth/token" for key, *_ in airflow.asked)
    airflow.answers["GET /api/v2/providers"] = (200, {"providers": []})
    assert cli.main(["doctor", "--airflow", airflow.url, "--json"]) == 1
