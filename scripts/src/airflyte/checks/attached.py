"""Can an Airflow that this stack did not make launch on this stack's Flyte? Asked through its REST API.

``airflyte doctor --airflow URL`` looks at everything that has to be there: a version that the provider works
with, the provider, the connection, and Flyte itself as seen from that Airflow.
"""

from __future__ import annotations

import base64
import dataclasses
import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from airflyte.airflow import connection
from airflyte.checks.finding import Finding, failure, ok, warning
from airflyte.settings import Settings

PROVIDER = "airflow-provider-flyte"
CALL_SECONDS = 30.0
_INSTALL = "install the wheel there (pip install ./provider) and restart its processes"
_NAMELESS = "name somebody who may log in there: ATTACHED_AIRFLOW_USER and ATTACHED_AIRFLOW_PASSWORD"


@dataclasses.dataclass(frozen=True)
class Answer:
    """An HTTP answer; ``body`` is its JSON, or None when it is none."""

    status: int
    body: Any


class ForeignAirflow:
    """The REST API of some Airflow, 2.11 or 3.

    Calls raise ``OSError`` when there is no answer.

    :param url: its base address, as in ``http://localhost:8080``
    :param user: may be empty where everybody is admin
    """

    def __init__(self, url: str, user: str, password: str) -> None:
        self._address = urlsplit(url if "://" in url else f"http://{url}")
        self._user = user
        self._password = password
        self._api = ""
        self._headers = {"Content-Type": "application/json"}

    def read_version(self) -> str | None:
        """Return the version, None when there is no Airflow; says from then on how to talk to it."""
        for api in ("/api/v2", "/api/v1"):
            answer = self._request("GET", f"{api}/version")
            if answer.status == 200 and isinstance(answer.body, dict) and "version" in answer.body:
                self._api = api
                return str(answer.body["version"])
        return None

    @property
    def is_version_3(self) -> bool:
        """Whether it is Airflow 3; known once the version has been read."""
        return self._api == "/api/v2"

    def log_in(self) -> bool:
        """Return whether what follows will be answered."""
        if not self.is_version_3:
            pair = base64.b64encode(f"{self._user}:{self._password}".encode()).decode()
            self._headers["Authorization"] = f"Basic {pair}"
        elif token := self._token():
            self._headers["Authorization"] = f"Bearer {token}"
        return self.get("/providers").status == 200

    def _token(self) -> str:
        login = {"username": self._user, "password": self._password}
        # Without a name: some let everybody in.
        words = ("POST", "/auth/token", login) if self._user else ("GET", "/auth/token", None)
        answer = self._request(*words)
        return str(answer.body.get("access_token") or "") if isinstance(answer.body, dict) else ""

    def get(self, path: str) -> Answer:
        return self._request("GET", f"{self._api}{path}")

    def post(self, path: str, body: object) -> Answer:
        return self._request("POST", f"{self._api}{path}", body)

    def _request(self, method: str, path: str, body: object = None) -> Answer:
        address = self._address
        kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        client = kind(address.hostname or "localhost", address.port, timeout=CALL_SECONDS)
        try:
            content = None if body is None else json.dumps(body)
            client.request(method, address.path.rstrip("/") + path, content, self._headers)
            response = client.getresponse()
            return Answer(response.status, _json(response.read()))
        except http.client.HTTPException as error:
            raise ConnectionError(f"{address.geturl()} does not speak HTTP: {error!r}") from error
        finally:
            client.close()


def examine(settings: Settings, url: str, user: str = "", password: str = "") -> list[Finding]:
    """Look at everything, in the order in which it is to be mended."""
    airflow = ForeignAirflow(url, user, password)
    try:
        version = airflow.read_version()
        if version is None:
            return failure("airflow", f"no Airflow answers at {url}", "give the address of its web interface")
        findings = _version(version)
        if not airflow.log_in():
            text = f"refuses {user!r}" if user else "lets nobody in without a name"
            return [*findings, *failure("airflow login", text, _NAMELESS)]
        return [*findings, *_provider(airflow), *_triggerer(airflow), *_flyte(airflow, settings)]
    except OSError as error:
        return failure("airflow", f"no answer from {url}: {error}", "is it running, is the address right?")


def _version(version: str) -> list[Finding]:
    major, minor = (int(part) for part in version.split(".")[:2])
    if (2, 11) <= (major, minor) < (4, 0):
        return ok("airflow", version)
    return failure("airflow", f"{version}; the provider works with 2.11 and 3", "upgrade that Airflow")


def _provider(airflow: ForeignAirflow) -> list[Finding]:
    listed = airflow.get("/providers?limit=1000").body["providers"]
    version = next((entry["version"] for entry in listed if entry["package_name"] == PROVIDER), None)
    if version is None:
        return failure("provider", f"{PROVIDER} is not installed there", _INSTALL)
    if version.startswith("0."):
        advice = f"pip uninstall {PROVIDER} there first, then {_INSTALL}"
        return failure("provider", f"{version}, the one of the package index", advice)
    return ok("provider", version)


def _triggerer(airflow: ForeignAirflow) -> list[Finding]:
    path = "/monitor/health" if airflow.is_version_3 else "/health"
    health = airflow.get(path).body or {}
    status = (health.get("triggerer") or {}).get("status")
    if status == "healthy":
        return ok("triggerer", "healthy")
    return warning("triggerer", f"{status or 'none'}; deferrable tasks wait forever", "start one there")


def _flyte(airflow: ForeignAirflow, settings: Settings) -> list[Finding]:
    """The connection, and what that Airflow reaches through it."""
    found = airflow.get(f"/connections/{connection.NAME}")
    line = connection.as_command(settings.ports.flyte)
    if found.status != 200:
        text = f"{connection.NAME} is not in its database (one in its environment cannot be seen from here)"
        return warning("connection", text, line) + _reach(airflow, connection.as_record(settings.ports.flyte))
    record = found.body
    where = f"{record.get('host') or 'no host'}:{record.get('port') or 'no port'}"
    if record.get("conn_type") != connection.TYPE:
        text = f"{connection.NAME} is of type {record.get('conn_type')!r}, not {connection.TYPE!r}"
        return failure("connection", text, f"airflow connections delete {connection.NAME}; {line}")
    keys = ("connection_id", "conn_type", "host", "login", "schema", "port", "extra", "password")
    known = {key: record[key] for key in keys if record.get(key) is not None}
    return ok("connection", f"{connection.NAME} to {where}") + _reach(airflow, known)


def _reach(airflow: ForeignAirflow, record: dict[str, Any]) -> list[Finding]:
    answer = airflow.post("/connections/test", record)
    if answer.status == 403:
        advice = "set [core] test_connection = Enabled there, or press Test in its form, and look again"
        return warning("flyte from there", "that Airflow tests no connections", advice)
    body = answer.body if isinstance(answer.body, dict) else {}
    said = str(body.get("message") or body.get("detail") or f"HTTP {answer.status}")
    if body.get("status") is True:
        return ok("flyte from there", said)
    advice = "is this stack up, and does that Airflow's machine or container reach the host and port?"
    return failure("flyte from there", said, advice)


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None
