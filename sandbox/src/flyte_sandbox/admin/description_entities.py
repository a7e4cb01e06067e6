"""Description entities: what was written about a version of a task or workflow when it was registered.

Source: flyteadmin pkg/manager/impl/description_entity_manager.go,
pkg/repositories/transformers/description_entity.go.
"""

from __future__ import annotations

from typing import Any

from flyteidl.admin import common_pb2, description_entity_pb2
from flyteidl.core import identifier_pb2
from sqlalchemy import Row

from flyte_sandbox.admin.pages import next_token, read_page
from flyte_sandbox.compiler.identifiers import (
    invalid_value,
    validate_identifier_fields,
    validate_named_entity_identifier,
)
from flyte_sandbox.db import description_entities as rows
from flyte_sandbox.db import schema
from flyte_sandbox.db.database import Database
from flyte_sandbox.db.listing import DESCRIPTION_ENTITIES, select_page
from flyte_sandbox.errors import NotFound


class DescriptionEntities:
    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, request: common_pb2.ObjectGetRequest) -> description_entity_pb2.DescriptionEntity:
        """:raises NotFound: when the version was registered without a description, or not at all."""
        _check_type(request.id.resource_type)
        validate_identifier_fields(request.id)
        with self._db.read() as connection:
            row = rows.get(connection, request.id)
        if row is None:
            raise NotFound("entry not found")
        return _to_message(row)

    def list(
        self, request: description_entity_pb2.DescriptionEntityListRequest
    ) -> description_entity_pb2.DescriptionEntityList:
        """The descriptions of every version of one name."""
        _check_type(request.resource_type)
        validate_named_entity_identifier(request.id)
        page = read_page(request, "ListDescriptionEntities")
        table = schema.description_entities.c
        where = (
            table.resource_type == request.resource_type,
            table.project == request.id.project,
            table.domain == request.id.domain,
            table.name == request.id.name,
        )
        with self._db.read() as connection:
            found = select_page(connection, DESCRIPTION_ENTITIES, page, *where)
        return description_entity_pb2.DescriptionEntityList(
            descriptionEntities=map(_to_message, found), token=next_token(page, found)
        )


def _check_type(resource_type: int) -> None:
    if resource_type == identifier_pb2.UNSPECIFIED:
        raise invalid_value("resource_type")


def _to_message(row: Row[Any]) -> description_entity_pb2.DescriptionEntity:
    """Long description and source code are always there, empty or not; tags were never kept."""
    id = identifier_pb2.Identifier(
        resource_type=row.resource_type,
        project=row.project,
        domain=row.domain,
        name=row.name,
        version=row.version,
    )
    return description_entity_pb2.DescriptionEntity(
        id=id,
        short_description=row.short_description,
        long_description=description_entity_pb2.Description.FromString(row.long_description),
        source_code=description_entity_pb2.SourceCode(link=row.link),
    )
