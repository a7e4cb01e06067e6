"""A database of an older release is brought to this one's form and keeps its rows."""

from __future__ import annotations

from pathlib import Path

import pytest
from flyteidl.admin import project_pb2
from sqlalchemy import create_engine, inspect, text, update

from flyte_sandbox.admin.projects import Projects
from flyte_sandbox.clock import ManualClock
from flyte_sandbox.db import schema
from flyte_sandbox.db.database import Database
from flyte_sandbox.errors import StartupError


def make_old(url: str) -> None:
    """As release 1 wrote it: without the tables, columns and indexes that came later."""
    database = Database(url)
    database.migrate()
    Projects(database, ManualClock()).ensure_default()
    with database.write() as connection:
        for statement in (
            "DROP TABLE description_entities",
            "DROP TABLE matchable_attributes",
            "ALTER TABLE executions DROP COLUMN launch_attributes",
            "ALTER TABLE launch_plans DROP COLUMN launch_condition_type",
            "DROP INDEX node_executions_by_task",
            "DROP INDEX executions_listed",
            "DROP INDEX executions_in_order",
            "CREATE INDEX executions_by_age ON executions (execution_project, created_at)",
            "UPDATE schema_version SET version = 1",
        ):
            connection.execute(text(statement))
    database.close()


def shape(url: str) -> dict[str, tuple[set[str], set[str]]]:
    engine = create_engine(url)
    found = inspect(engine)
    tables = {
        name: (
            {column["name"] for column in found.get_columns(name)},
            {str(index["name"]) for index in found.get_indexes(name)},
        )
        for name in found.get_table_names()
    }
    engine.dispose()
    return tables


def check_migration(old: str, new: str) -> None:
    """:param old: the address of an empty database, ``new`` that of another one."""
    make_old(old)
    fresh = Database(new)
    fresh.migrate()
    fresh.close()
    for _ in range(2):
        database = Database(old)
        database.migrate()
        project = Projects(database, ManualClock()).get(project_pb2.ProjectGetRequest(id="flytesnacks"))
        assert project.name == "flytesnacks"
        database.close()
    assert shape(old) == shape(new)


def test_what_is_missing_is_added_and_rows_stay(tmp_path: Path) -> None:
    check_migration(f"sqlite:///{tmp_path / 'old.db'}", f"sqlite:///{tmp_path / 'new.db'}")


def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'newer.db'}"
    make_old(url)
    database = Database(url)
    with database.write() as connection:
        connection.execute(update(schema.schema_version).values(version=schema.VERSION + 1))
    with pytest.raises(StartupError, match=f"schema version {schema.VERSION + 1}"):
        database.migrate()
    database.close()
