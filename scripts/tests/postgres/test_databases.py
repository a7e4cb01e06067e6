"""Which databases a stack uses, by URL."""

from __future__ import annotations

import pytest

from airflyte.errors import AirflyteError
from airflyte.postgres import databases

from .conftest import PASSWORD, Server


def test_a_users_url_is_airflows_database_and_the_warehouse_lies_beside_it() -> None:
    pair = databases.foreign_databases("postgres://me:p%40ss%2Fw@db.example:6543/meta?sslmode=require")
    assert pair.airflow.url("postgresql+psycopg2") == (
        "postgresql+psycopg2://me:p%40ss%2Fw@db.example:6543/meta?sslmode=require"
    )
    assert pair.warehouse.name == "meta_warehouse"
    assert pair.airflow.password == "p@ss/w"


def test_an_address_never_shows_its_password() -> None:
    pair = databases.foreign_databases("postgresql://me:hidden@db.example/meta")
    assert "hidden" not in f"{pair} {pair.airflow} {pair.airflow!r}"


@pytest.mark.parametrize(
    "url",
    ["mysql://me@host/db", "postgresql://host/db", "postgresql://me@host", "postgresql://me@host:x/db", "db"],
)
def test_a_url_that_cannot_work_is_refused(url: str) -> None:
    with pytest.raises(AirflyteError, match="AIRFLYTE_DATABASE_URL is not usable"):
        databases.foreign_databases(url)


def test_the_warehouse_is_made_once_on_a_users_server(server: Server) -> None:
    server.start()
    own = databases.own_databases(server.cluster.port, PASSWORD)
    theirs = databases.foreign_databases(own.airflow.url())
    for _ in range(2):
        databases.create_missing(theirs)
        databases.check(theirs.warehouse)


def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    theirs = databases.foreign_databases("postgresql://me:hidden@127.0.0.1:1/meta")
    with pytest.raises(AirflyteError, match="does not answer") as raised:
        databases.create_missing(theirs)
    assert "hidden" not in raised.value.message
