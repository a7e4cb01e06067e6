"""Rows of description entities: what a version's author wrote about it."""

from __future__ import annotations

from typing import Any

from flyteidl.admin import description_entity_pb2
from flyteidl.core import identifier_pb2
from sqlalchemy import Connection, Row, insert, select

from flyte_sandbox.db.schema import description_entities

_IDENTITY = ("resource_type", "project", "domain", "name", "version")


def get(connection: Connection, id: identifier_pb2.Identifier) -> Row[Any] | None:
    where = (description_entities.c[name] == getattr(id, name) for name in _IDENTITY)
    return connection.execute(select(description_entities).where(*where)).one_or_none()


def insert_row(
    connection: Connection,
    id: identifier_pb2.Identifier,
    description: description_entity_pb2.DescriptionEntity,
    now: int,
) -> None:
    query = insert(description_entities).values(
        **{name: getattr(id, name) for name in _IDENTITY},
        short_description=description.short_description,
        long_description=description.long_description.SerializeToString(),
        link=description.source_code.link,
        created_at=now,
        updated_at=now,
    )
    connection.execute(query)
