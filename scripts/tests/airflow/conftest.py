"""An Airflow REST API that answers from a table, over real HTTP."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from airflyte.airflow.rest import AirflowApi

USER, PASSWORD = "admin", "right"
Answer = tuple[int, Any]


class FakeAirflow(http.server.ThreadingHTTPServer):
    """Answers ``(method, path)`` from :attr:`answers`; a function there is called with the request's body."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[tuple[str, str], Answer | Callable[[Any], Answer]] = {}
        self.requests: list[tuple[str, str, Any]] = []
        self.token = "token-1"

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def reply(self, method: str, path: str, authorization: str | None, body: Any) -> Answer:
        if path == "/auth/token":
            is_right = body == {"username": USER, "password": PASSWORD}
            return (
                (201, {"access_token": self.token}) if is_right else (401, {"detail": "Invalid credentials"})
            )
        if path != "/api/v2/monitor/health" and authorization != f"Bearer {self.token}":
            return 401, {"detail": "Invalid or expired token"}
        self.requests.append((method, path, body))
        answer = self.answers.get((method, path), (404, {"detail": f"{path} is not there"}))
        return answer(body) if callable(answer) else answer


class _Handler(http.server.BaseHTTPRequestHandler):
    server: FakeAirflow

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        status, content = self.server.reply(self.command, self.path, self.headers.get("Authorization"), body)
        encoded = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    do_GET = do_POST = do_PATCH = _answer  # noqa: N815 - the names that http.server looks for

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def airflow() -> Iterator[FakeAirflow]:
    server = FakeAirflow()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def api(airflow: FakeAirflow) -> AirflowApi:
    return AirflowApi(airflow.port, USER, PASSWORD)
