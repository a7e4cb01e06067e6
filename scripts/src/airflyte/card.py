"""The card at the end of ``up``: addresses, who may log in, where things are, the demo's result, what to
type next.
"""

from __future__ import annotations

from collections.abc import Iterable

from airflyte import demo
from airflyte.airflow import connection
from airflyte.flyte import task_user
from airflyte.stack.parts import Stack

LABEL_WIDTH = 12
COLUMN_WIDTH = 34


def lines(stack: Stack, *, is_terminal: bool) -> list[str]:
    """The card, line by line.

    :param is_terminal: whether a person reads it; the password is shown to nobody else.
    """
    rows = [*_airflow(stack, is_terminal=is_terminal), *_flyte(stack), *_tasks(stack), *_state(stack)]
    rows += _demo(stack) if stack.has_airflow else _connection(stack)
    return ["", *rows, *_next(stack)]


def row(label: str, first: str, second: str = "") -> str:
    """One line: a label and one or two columns."""
    return f"{label:<{LABEL_WIDTH}} {first:<{COLUMN_WIDTH}} {second}".rstrip()


def _airflow(stack: Stack, *, is_terminal: bool) -> list[str]:
    if not stack.has_airflow:
        return []
    user = stack.settings.airflow_user
    password = stack.secrets.airflow_password
    where = f"password in {_relative(stack, 'secrets.json')}"
    login = f"{user} / {password}" if is_terminal else f"{user}, {where}"
    return [row("Airflow UI", stack.airflow_home.base_url, login)]


def _flyte(stack: Stack) -> list[str]:
    settings = stack.settings
    where = f"project {settings.flyte_project}, domain {settings.flyte_domain}"
    return [
        row("Flyte UI", f"{stack.flyte().base_url}/console"),
        row("Flyte gRPC", f"localhost:{settings.ports.flyte}", where),
        row("S3", f"http://localhost:{settings.ports.s3}", "bucket my-s3-bucket"),
    ]


def _tasks(stack: Stack) -> list[str]:
    """Under root alone there is something to say of whom they run as."""
    user = task_user.of(stack.settings)
    return [row("Tasks", user.describe())] if user else []


def _state(stack: Stack) -> list[str]:
    return [row("State", f"{_relative(stack)}/", f"logs in {_relative(stack, 'logs')}/, or make logs")]


def _demo(stack: Stack) -> list[str]:
    result = demo.last(stack)
    if result is None:
        return []
    return [row("Demo", result.describe()), *(row("", link) for link in result.links(stack))]


def _connection(stack: Stack) -> list[str]:
    """How an Airflow of the user's own gets to this Flyte."""
    port = stack.settings.ports.flyte
    return [
        row("Connection", f"{connection.NAME}, for an Airflow of yours; any one of these three:"),
        row("", f"export AIRFLOW_CONN_FLYTE_CONN='{connection.as_uri(port)}'"),
        row("", f"export AIRFLOW_CONN_FLYTE_CONN='{connection.as_json(port)}'"),
        row("", connection.as_command(port)),
    ]


def _next(stack: Stack) -> Iterable[str]:
    first = "make demo" if stack.has_airflow else "make register"
    return [row("Next", f"{first}    make status    make down")]


def _relative(stack: Stack, *parts: str) -> str:
    return stack.folder.path.joinpath(*parts).relative_to(stack.settings.checkout).as_posix()
