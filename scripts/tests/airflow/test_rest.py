"""Airflow is asked with a token, and its refusals are told apart from its silence."""

from __future__ import annotations

import pytest

from airflyte.airflow.rest import AirflowApi, AirflowApiError

from .conftest import USER, FakeAirflow


def test_a_call_gets_a_token_first(airflow: FakeAirflow, api: AirflowApi) -> None:
    airflow.answers["GET", "/api/v2/dags?limit=1"] = 200, {"dags": []}
    assert api.get("/dags?limit=1") == {"dags": []}


def test_a_new_token_is_taken_when_the_old_one_is_refused(airflow: FakeAirflow, api: AirflowApi) -> None:
    airflow.answers["GET", "/api/v2/version"] = 200, {"version": "3"}
    api.get("/version")
    airflow.token = "token-2"  # as after a restart with other secrets
    with pytest.raises(AirflowApiError):
        api.get("/version")
    assert api.get("/version") == {"version": "3"}


def test_a_wrong_password_is_told(airflow: FakeAirflow) -> None:
    with pytest.raises(AirflowApiError, match="401: Invalid credentials") as raised:
        AirflowApi(airflow.port, USER, "wrong").get("/dags")
    assert raised.value.code == 401


def test_what_does_not_exist_is_none_and_other_refusals_are_errors(
    airflow: FakeAirflow, api: AirflowApi
) -> None:
    airflow.answers["GET", "/api/v2/dags/forbidden"] = 403, {"detail": "no"}
    assert api.find("/dags/nothing") is None
    with pytest.raises(AirflowApiError, match="GET /api/v2/dags/forbidden with 403: no"):
        api.find("/dags/forbidden")


def test_nobody_there_is_an_os_error(airflow: FakeAirflow) -> None:
    with pytest.raises(OSError, match="refused"):
        AirflowApi(1, USER, "any").get("/dags")


def test_a_proxy_in_the_environment_is_not_used(
    airflow: FakeAirflow, api: AirflowApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    airflow.answers["GET", "/api/v2/version"] = 200, {"version": "3"}
    assert api.get("/version") == {"version": "3"}
