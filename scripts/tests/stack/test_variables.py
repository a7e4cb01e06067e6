"""What a stack's processes see of their caller's environment."""

from __future__ import annotations

import sys

import pytest

from airflyte.stack.variables import base_environment


def test_what_would_make_our_programs_others_is_left_out() -> None:
    given = {
        "PATH": "/bin",
        "PYTHONPATH": "/elsewhere",
        "AIRFLOW_HOME": "/elsewhere",
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "FLYTECTL_CONFIG": "/cluster.yaml",
        "FLYTE_PLATFORM_URL": "cluster:443",
        "AIRFLYTE_DATABASE_URL": "postgresql://me:secret@host/db",
        "MAKEFLAGS": "-j",
        "VIRTUAL_ENV": "/venv",
    }
    found = base_environment(given, "id")
    assert set(found) & set(given) == {"PATH"}
    assert "secret" not in "".join(found.values())


def test_the_users_own_connections_proxies_and_credentials_stay() -> None:
    given = {"AIRFLOW_CONN_MINE": "x://", "HTTPS_PROXY": "http://proxy:1", "AWS_PROFILE": "me"}
    assert base_environment(given, "id").items() >= given.items()


def test_the_mark_is_there_and_stays_readable() -> None:
    found = base_environment({"AIRFLYTE_STACK": "another"}, "mine")
    assert found["AIRFLYTE_STACK"] == "mine"
    assert found["SPT_NOENV"] == "1"


@pytest.mark.skipif(sys.platform == "darwin", reason="there proxies are switched off as a whole")
def test_this_machine_is_reached_past_any_proxy() -> None:
    found = base_environment({"NO_PROXY": "intranet,localhost"}, "id")
    assert found["NO_PROXY"] == found["no_proxy"] == "intranet,localhost,127.0.0.1,::1"


def test_text_is_utf8_where_the_caller_has_no_language() -> None:
    assert base_environment({}, "id")["LANG"] == "C.UTF-8"
    assert base_environment({"LANG": "de_DE.UTF-8"}, "id")["LANG"] == "de_DE.UTF-8"
