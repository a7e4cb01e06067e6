"""Airflow's migration runs when its version or the database's revision has changed, and not else."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import psycopg
import pytest

from airflyte.airflow import migration
from airflyte.errors import AirflyteError
from airflyte.postgres import databases
from airflyte.postgres.databases import Database

from .conftest import PASSWORD, Server

# Stands in for `python -m airflow db migrate`: counts its calls, stamps the database as alembic does.
AIRFLOW = """import os, pathlib, psycopg, sys
with pathlib.Path(os.environ["CALLS"]).open("a") as calls:
    calls.write(" ".join(sys.argv[1:]) + "\\n")
print("migrating", flush=True)
if os.environ.get("BROKEN"):
    sys.exit("it is broken")
with psycopg.connect(os.environ["URL"], autocommit=True) as connection:
    connection.execute("create table if not exists alembic_version (version_num text)")
    connection.execute("delete from alembic_version")
    connection.execute("insert into alembic_version values ('revision-1')")
"""


class Migration:
    def __init__(self, folder: Path, database: Database) -> None:
        self.home = folder / "home"
        self.home.mkdir()
        program = folder / "airflow.py"
        program.write_text(AIRFLOW)
        self.python = folder / "python"
        # Not the interpreter as the script's own: its path may have a blank.
        self.python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{program}" "$@"\n')
        self.python.chmod(self.python.stat().st_mode | stat.S_IXUSR)
        self.calls_path = folder / "calls"
        self.log = folder / "logs" / "migrate.log"
        self.database = database
        self.variables = {**os.environ, "CALLS": str(self.calls_path), "URL": database.url()}

    def run(self, version: str = "3.3.2", **more: str) -> bool:
        return migration.migrate(
            self.database,
            version,
            python=self.python,
            home=self.home,
            environment={**self.variables, **more},
            log=self.log,
        )

    @property
    def calls(self) -> list[str]:
        return self.calls_path.read_text().splitlines() if self.calls_path.exists() else []


@pytest.fixture
def migrating(server: Server, tmp_path: Path) -> Migration:
    server.start()
    return Migration(tmp_path, databases.own_databases(server.cluster.port, PASSWORD).airflow)


def test_it_runs_once_for_each_version(migrating: Migration) -> None:
    assert migrating.run() is True
    assert migrating.run() is False
    assert migrating.calls == ["-m airflow db migrate"]
    assert migrating.run("3.4.0") is True
    assert len(migrating.calls) == 2


def test_a_database_that_was_emptied_is_migrated_again(migrating: Migration) -> None:
    migrating.run()
    with psycopg.connect(migrating.database.url(), autocommit=True) as connection:
        connection.execute("drop table alembic_version")
    assert migrating.run() is True


def test_a_failed_one_is_told_with_its_log_and_tried_again(migrating: Migration) -> None:
    with pytest.raises(AirflyteError, match="airflow db migrate failed with exit code 1") as raised:
        migrating.run(BROKEN="1")
    assert raised.value.log == migrating.log
    assert migrating.log.read_text() == "migrating\nit is broken\n"
    assert migrating.run() is True
