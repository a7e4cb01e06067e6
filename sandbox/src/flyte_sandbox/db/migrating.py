"""Takes the tables of an older release to this one's form.

Every change of the schema so far added something, so one rule is enough: what the schema has and the
database lacks is added, and nothing but an outdated index is taken away. A column that is added is nullable
or has a default in the database.
"""

from __future__ import annotations

from sqlalchemy import Column, Connection, Inspector, Table, inspect
from sqlalchemy.schema import CreateColumn

from flyte_sandbox.db import schema


def add_what_is_missing(connection: Connection) -> None:
    """Tables, columns and indexes. Doing it again changes nothing."""
    schema.metadata.create_all(connection)
    found = inspect(connection)
    for table in schema.metadata.sorted_tables:
        _add_columns(connection, found, table)
        _add_indexes(connection, found, table)


def _add_columns(connection: Connection, found: Inspector, table: Table) -> None:
    present = {column["name"] for column in found.get_columns(table.name)}
    for column in table.columns:
        if column.name not in present:
            _add_column(connection, table, column)


def _add_column(connection: Connection, table: Table, column: Column[object]) -> None:
    quote = connection.dialect.identifier_preparer.quote
    definition = CreateColumn(column).compile(dialect=connection.dialect)
    connection.exec_driver_sql(f"ALTER TABLE {quote(table.name)} ADD COLUMN {definition}")


def _add_indexes(connection: Connection, found: Inspector, table: Table) -> None:
    present = {index["name"] for index in found.get_indexes(table.name)}
    for index in table.indexes:
        if index.name not in present:
            index.create(connection)
    for name in present.intersection(schema.OUTDATED_INDEXES):
        connection.exec_driver_sql(f"DROP INDEX {name}")
