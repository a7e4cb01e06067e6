"""Insert a row or change the one that is there, in one statement that no other writer can come between."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def upsert(
    connection: Connection,
    table: Table,
    key: Mapping[str, Any],
    new: Mapping[str, Any],
    changed: Mapping[str, Any],
) -> None:
    """:param key: the columns of a unique constraint.

    :param new: further columns of a row that has to be inserted.
    :param changed: what is set where the row exists; when empty it stays as it is.
    """
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    query: Any = insert(table).values(**key, **new)
    if changed:
        query = query.on_conflict_do_update(index_elements=list(key), set_=dict(changed))
    else:
        query = query.on_conflict_do_nothing(index_elements=list(key))
    connection.execute(query)
