"""Executions are terminated from Airflow's servers, in a thread or by a program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from flyte_provider.plugins import _terminating

from ..fakes.admin import DOMAIN, PROJECT, FakeAdmin, Phase

NOWHERE = {"conn_id": "nowhere", "project": "p", "domain": "d", "name": "e0"}


def test_an_unknown_connection_is_logged(caplog: pytest.LogCaptureFixture, airflow_database: None) -> None:
    _terminating.terminate(NOWHERE, "cause")
    assert "cannot terminate execution e0" in caplog.text


def test_the_program_takes_one_after_the_other(
    admin: FakeAdmin, conn_id: str, airflow_database: None
) -> None:
    for name in ("e1", "e2"):
        admin.add_execution(name)
    place = {"conn_id": conn_id, "project": PROJECT, "domain": DOMAIN, "cause": "lost"}
    wanted = [NOWHERE | {"cause": "lost"}, *({**place, "name": name} for name in ("e1", "e2"))]
    said = run(wanted)
    assert "cannot terminate execution e0" in said
    assert [request.cause for request in admin.requests["TerminateExecution"]] == ["lost"] * 2
    phases = {admin.executions[name].closure.phase for name in ("e1", "e2")}
    assert phases == {Phase.ABORTING}


def run(wanted: list[dict[str, Any]]) -> str:
    """Run the program as the listener does; return what it logs."""
    done = subprocess.run(
        [sys.executable, "-m", _terminating.__name__],
        input=json.dumps(wanted),
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout
