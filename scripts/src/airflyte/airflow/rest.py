"""Airflow's REST API with a token, over plain HTTP to this machine, past any proxy."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import quote

CALL_SECONDS = 10.0


class AirflowApiError(Exception):
    """Airflow answered, and said no.

    :param code: the HTTP status.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class AirflowApi:
    """One Airflow on 127.0.0.1; gets its token with the first call.

    Calls raise :class:`AirflowApiError` for an answer that is a refusal and ``OSError`` for no answer.
    """

    def __init__(self, port: int, user: str, password: str) -> None:
        self.port = port
        self._user = user
        self._password = password
        self._token: str | None = None

    def get(self, path: str) -> Any:
        """GET below ``/api/v2``; the answer's JSON."""
        return self._call("GET", path)

    def post(self, path: str, body: object) -> Any:
        """POST below ``/api/v2``."""
        return self._call("POST", path, body)

    def patch(self, path: str, body: object) -> Any:
        """PATCH below ``/api/v2``."""
        return self._call("PATCH", path, body)

    def find(self, path: str) -> Any | None:
        """GET, with None for what does not exist."""
        try:
            return self.get(path)
        except AirflowApiError as error:
            if error.code == http.HTTPStatus.NOT_FOUND:
                return None
            raise

    def health(self) -> Any:
        """``/monitor/health``, which needs no token."""
        return self._request("GET", "/api/v2/monitor/health", None, {})

    def _call(self, method: str, path: str, body: object = None) -> Any:
        if self._token is None:
            login = {"username": self._user, "password": self._password}
            self._token = self._request("POST", "/auth/token", login, {})["access_token"]
        try:
            return self._request(method, f"/api/v2{path}", body, self._authorization())
        except AirflowApiError as error:
            if error.code == http.HTTPStatus.UNAUTHORIZED:
                self._token = None  # it lasts a day; the next call gets another
            raise

    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    def _request(self, method: str, path: str, body: object, headers: dict[str, str]) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=CALL_SECONDS)
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, {"Content-Type": "application/json", **headers})
            response = connection.getresponse()
            answer = response.read()
        except http.client.HTTPException as error:
            raise ConnectionError(f"port {self.port} does not speak HTTP: {error!r}") from error
        finally:
            connection.close()
        if response.status >= 400:
            raise AirflowApiError(response.status, _reason(method, path, response.status, answer))
        return json.loads(answer) if answer else None


def segment(text: str) -> str:
    """Text as one segment of a path."""
    return quote(text, safe="")


def _reason(method: str, path: str, status: int, answer: bytes) -> str:
    try:
        detail = json.loads(answer)["detail"]
    except (ValueError, KeyError, TypeError):
        detail = answer[:200].decode("utf-8", "replace")
    return f"Airflow answered {method} {path} with {status}: {detail}"
