"""The doors of a stack: for each, one real call that proves that what is behind it works."""

from __future__ import annotations

import dataclasses
import http
import json
from collections.abc import Callable
from datetime import datetime

from airflyte.airflow import processes as airflow_processes
from airflyte.airflow.rest import AirflowApi
from airflyte.flyte import processes as flyte_processes
from airflyte.flyte.client import FlyteClient
from airflyte.postgres import databases
from airflyte.postgres.cluster import COMPONENT as POSTGRES
from airflyte.readiness import s3
from airflyte.stack.parts import Stack

UPLOAD = b"airflyte asks whether an upload can be read back\n"
HEARTS = ("scheduler", "triggerer", "dag_processor")


@dataclasses.dataclass(frozen=True)
class Door:
    """One way into the stack.

    :param name: for messages: "Flyte's gRPC".
    :param component: the component behind it, whose log explains a failure.
    :param port: where it is; None when it is not a port of this stack.
    :param call: the real call; raises when the door is still closed, with the reason.
    """

    name: str
    component: str
    port: int | None
    call: Callable[[], object]


def airflow_doors(stack: Stack, started_at: float) -> list[Door]:
    """PostgreSQL's and Airflow's.

    :param started_at: a heartbeat from before this does not count; seconds since the epoch.
    """
    if not stack.has_airflow:
        return []
    api = stack.airflow()
    port = stack.settings.ports.airflow
    return [
        *database_doors(stack),
        Door("Airflow's REST API", airflow_processes.API_SERVER, port, lambda: api.get("/dags?limit=1")),
        *(_heartbeat_door(api, heart, port, started_at) for heart in HEARTS),
    ]


def database_doors(stack: Stack) -> list[Door]:
    """The two databases."""
    port = stack.settings.ports.postgres if stack.has_own_postgres else None
    pair = stack.databases
    return [
        Door(f"database {each.name}", POSTGRES, port, lambda each=each: databases.check(each))  # type: ignore[misc]
        for each in pair
    ]


def flyte_doors(stack: Stack) -> list[Door]:
    """flyte_sandbox's and the S3 endpoint's."""
    flyte, project, domain = stack.flyte(), stack.settings.flyte_project, stack.settings.flyte_domain
    s3_port = stack.settings.ports.s3
    calls: dict[str, Callable[[], object]] = {
        "Flyte's gRPC": lambda: _project(flyte, project),
        "Flyte's HTTP": lambda: _healthcheck(flyte),
        "an upload to Flyte": lambda: _same(flyte.download(flyte.upload(project, domain, UPLOAD))),
        "a task process": lambda: _template(flyte),
    }
    return [
        *(Door(name, flyte_processes.SERVER, flyte.port, call) for name, call in calls.items()),
        Door(
            "the S3 endpoint",
            flyte_processes.S3,
            s3_port,
            lambda: _same(s3.read(s3_port, flyte.upload(project, domain, UPLOAD))),
        ),
    ]


def _heartbeat_door(api: AirflowApi, heart: str, port: int, started_at: float) -> Door:
    component = f"airflow-{heart.replace('_', '-')}"
    return Door(f"the heartbeat of {component}", component, port, lambda: _heartbeat(api, heart, started_at))


def _heartbeat(api: AirflowApi, heart: str, started_at: float) -> None:
    """A sign of life from after our start; the one of the last run is still in the database."""
    health = api.health()
    if health["metadatabase"]["status"] != "healthy":
        raise ConnectionError("Airflow cannot reach its database")
    part = health[heart] or {}
    beat = part.get(f"latest_{heart}_heartbeat")
    if part.get("status") != "healthy" or not beat:
        raise ConnectionError(f"Airflow calls it {part.get('status') or 'absent'}")
    if datetime.fromisoformat(beat).timestamp() < started_at:
        raise ConnectionError("its last sign of life is from before this start")


def _project(flyte: FlyteClient, project: str) -> None:
    projects = flyte.project_ids()
    if project not in projects:
        raise ConnectionError(f"it lists the projects {', '.join(projects) or 'none'}, not {project}")


def _healthcheck(flyte: FlyteClient) -> None:
    status, content = flyte.health()
    if status != 200:
        raise ConnectionError(f"/healthcheck answered {status}: {content[:200]!r}")


def _same(content: bytes) -> None:
    if content != UPLOAD:
        raise ConnectionError("what was read back is not what was written")


def _template(flyte: FlyteClient) -> None:
    """The server says whether a process that tasks are forked from has answered."""
    status, content = flyte.health("?deep=1")
    if status != http.HTTPStatus.OK:
        raise ConnectionError(f"/healthcheck?deep=1 answered {status}: {_message(content)}")


def _message(content: bytes) -> str:
    try:
        return str(json.loads(content)["message"])
    except (ValueError, KeyError, TypeError):
        return content[:200].decode("utf-8", "replace")
