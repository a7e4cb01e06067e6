"""The card says where everything is, and the password to a person only."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from airflyte import card, demo, stack_secrets
from airflyte.settings import Settings
from airflyte.stack.parts import Stack
from airflyte.state import write_json

RESULT = demo.Result(
    "example_flyte", "manual__1", "success", "a1b2c3", "SUCCEEDED", {"accuracy": 0.78125, "rows": 768}
)


@pytest.fixture
def settings(checkout: Path) -> Settings:
    settings = Settings(checkout, port_offset=100)
    settings.folder.path.mkdir()
    stack_secrets.load_or_make(settings.folder)
    return settings


def test_a_person_sees_the_password_and_nobody_else_does(settings: Settings) -> None:
    stack = Stack(settings)
    password = stack.secrets.airflow_password
    assert f"admin / {password}" in "\n".join(card.lines(stack, is_terminal=True))
    to_a_file = "\n".join(card.lines(stack, is_terminal=False))
    assert password not in to_a_file
    assert "admin, password in .airflyte/secrets.json" in to_a_file


def test_addresses_follow_the_offset(settings: Settings) -> None:
    text = "\n".join(card.lines(Stack(settings), is_terminal=False))
    for address in ("http://localhost:8180", "http://localhost:30180/console", "localhost:30180"):
        assert address in text


def test_the_last_demo_is_shown_with_links_to_both_runs(settings: Settings) -> None:
    write_json(settings.folder.path / demo.FILE_NAME, dataclasses.asdict(RESULT))
    lines = card.lines(Stack(settings), is_terminal=False)
    start = next(number for number, line in enumerate(lines) if line.startswith("Demo"))
    assert [line.split(maxsplit=1)[-1].strip() for line in lines[start : start + 3]] == [
        "example_flyte success, Flyte SUCCEEDED, accuracy 0.7812, rows 768",
        "http://localhost:8180/dags/example_flyte/runs/manual__1",
        "http://localhost:30180/console/projects/flytesnacks/domains/development/executions/a1b2c3",
    ]


def test_an_airflow_of_the_users_gets_the_connection(settings: Settings) -> None:
    stack = Stack(dataclasses.replace(settings, airflow="none"))
    text = "\n".join(card.lines(stack, is_terminal=True))
    assert "AIRFLOW_CONN_FLYTE_CONN='flyte://localhost:30180/?insecure=true'" in text
    assert "airflow connections add flyte_conn --conn-type flyte" in text
    assert "Airflow UI" not in text


def test_no_demo_yet_is_no_line(settings: Settings) -> None:
    (settings.folder.path / demo.FILE_NAME).write_text("{")
    assert not any(line.startswith("Demo") for line in card.lines(Stack(settings), is_terminal=False))
