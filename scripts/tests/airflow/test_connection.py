"""The connection flyte_conn is made, kept up to date, and left alone once it is the user's."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

from airflyte.airflow import connection
from airflyte.airflow.rest import AirflowApi

from .conftest import FakeAirflow

PATH = "/api/v2/connections/flyte_conn"


def stored(airflow: FakeAirflow, **changes: Any) -> None:
    airflow.answers["GET", PATH] = 200, {**connection.as_record(30080), "password": None, **changes}
    airflow.answers["PATCH", PATH] = 200, {}


def test_it_is_made_where_there_is_none(airflow: FakeAirflow, api: AirflowApi) -> None:
    airflow.answers["POST", "/api/v2/connections"] = 201, {}
    assert connection.ensure(api, 30080) == "made"
    method, path, body = airflow.requests[-1]
    assert (method, path) == ("POST", "/api/v2/connections")
    assert (body["conn_type"], body["host"], body["port"]) == ("flyte", "localhost", 30080)
    assert json.loads(body["extra"]) == {"insecure": True}


def test_a_repeat_changes_nothing(airflow: FakeAirflow, api: AirflowApi) -> None:
    stored(airflow)
    assert connection.ensure(api, 30080) == "unchanged"


def test_its_port_follows_an_offset(airflow: FakeAirflow, api: AirflowApi) -> None:
    stored(airflow)
    assert connection.ensure(api, 30180) == "brought up to date"
    assert airflow.requests[-1][2]["port"] == 30180


@pytest.mark.parametrize("change", [{"host": "flyte.example.com"}, {"description": "my cluster"}])
def test_one_that_was_pointed_at_another_flyte_stays(
    airflow: FakeAirflow, api: AirflowApi, change: dict[str, str]
) -> None:
    stored(airflow, **change)
    assert connection.ensure(api, 30180) == "left as you set it"
    assert {method for method, _, _ in airflow.requests} == {"GET"}


def test_an_extra_that_is_no_json_is_corrected(airflow: FakeAirflow, api: AirflowApi) -> None:
    stored(airflow, extra="{")
    assert connection.ensure(api, 30080) == "brought up to date"


def test_three_ways_to_write_it_for_another_airflow() -> None:
    assert connection.as_uri(30080) == "flyte://localhost:30080/?insecure=true"
    assert json.loads(connection.as_json(30080)) == {
        "conn_type": "flyte",
        "host": "localhost",
        "port": 30080,
        "extra": {"insecure": True},
    }
    words = shlex.split(connection.as_command(30080))
    assert words[:4] == ["airflow", "connections", "add", "flyte_conn"]
    assert json.loads(words[-1]) == {"insecure": True}
