"""The connection ``flyte_conn``, through which Dags reach this stack's Flyte.

It lies in Airflow's database, so that the UI shows it and can test it; a connection in the environment
would be invisible there. One that somebody has pointed at another Flyte is theirs, and stays.
"""

from __future__ import annotations

import json
import shlex
from typing import Any, Literal
from urllib.parse import urlencode

from airflyte.airflow.rest import AirflowApi, segment

NAME = "flyte_conn"
TYPE = "flyte"
HOST = "localhost"
EXTRA = {"insecure": True}
DESCRIPTION = "The Flyte of this stack; made and kept up to date by airflyte up."

Outcome = Literal["made", "brought up to date", "unchanged", "left as you set it"]


def ensure(api: AirflowApi, flyte_port: int) -> Outcome:
    """Make the connection, or correct one of ours whose port has moved; safe to call again."""
    wanted = as_record(flyte_port)
    found = api.find(f"/connections/{NAME}")
    if found is None:
        api.post("/connections", wanted)
        return "made"
    if found.get("description") != DESCRIPTION or found.get("host") != HOST:
        return "left as you set it"
    if _is_same(found, wanted):
        return "unchanged"
    api.patch(f"/connections/{segment(NAME)}", wanted)
    return "brought up to date"


def as_record(flyte_port: int) -> dict[str, Any]:
    """As Airflow's REST API takes it."""
    return {
        "connection_id": NAME,
        "conn_type": TYPE,
        "description": DESCRIPTION,
        "host": HOST,
        "port": flyte_port,
        "extra": json.dumps(EXTRA),
    }


def as_uri(flyte_port: int) -> str:
    """As ``AIRFLOW_CONN_FLYTE_CONN`` takes it; in this form every value of the extra is text."""
    extra = {name: str(value).lower() for name, value in EXTRA.items()}
    return f"{TYPE}://{HOST}:{flyte_port}/?{urlencode(extra)}"


def as_json(flyte_port: int) -> str:
    """As ``AIRFLOW_CONN_FLYTE_CONN`` takes it, too."""
    return json.dumps({"conn_type": TYPE, "host": HOST, "port": flyte_port, "extra": EXTRA})


def as_command(flyte_port: int) -> str:
    """The line that adds it to an Airflow of the user's own."""
    words = ["airflow", "connections", "add", NAME, "--conn-type", TYPE, "--conn-host", HOST]
    return shlex.join([*words, "--conn-port", str(flyte_port), "--conn-extra", json.dumps(EXTRA)])


def _is_same(found: dict[str, Any], wanted: dict[str, Any]) -> bool:
    try:
        extra = json.loads(found.get("extra") or "{}")
    except ValueError:
        return False
    return all(found.get(name) == wanted[name] for name in ("conn_type", "port")) and extra == EXTRA
