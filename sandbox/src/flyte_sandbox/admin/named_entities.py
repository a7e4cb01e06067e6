"""Named entities: describing a task, workflow or launch plan as a whole, and hiding it.

Source: flyteadmin pkg/manager/impl/named_entity_manager.go, validation/named_entity_validator.go.
"""

from __future__ import annotations

from typing import Any

from flyteidl.admin import common_pb2
from flyteidl.core import identifier_pb2
from sqlalchemy import Row

from flyte_sandbox.admin.pages import next_token, read_page
from flyte_sandbox.clock import Clock
from flyte_sandbox.compiler.identifiers import invalid_value, require, validate_named_entity_identifier
from flyte_sandbox.db import named_entities as rows
from flyte_sandbox.db.database import Database
from flyte_sandbox.db.entities import TABLES
from flyte_sandbox.db.filters import Filter
from flyte_sandbox.db.listing import Page
from flyte_sandbox.db.times import to_micros
from flyte_sandbox.errors import InvalidArgument, NotFound

_NOT_GENERATED = Filter("not_like", "", "name", (".flytegen%",))


class NamedEntities:
    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def get(self, request: common_pb2.NamedEntityGetRequest) -> common_pb2.NamedEntity:
        """:raises NotFound: when no version of that name is registered."""
        _check_type(request.resource_type)
        validate_named_entity_identifier(request.id)
        _check_listable(request.resource_type)
        with self._db.read() as connection:
            row = rows.get(connection, request.resource_type, _name(request.id))
        if row is None:
            raise _not_found()
        return _to_message(row)

    def list(self, request: common_pb2.NamedEntityListRequest) -> common_pb2.NamedEntityList:
        """Without filters the names that single-task executions generate are left out."""
        _check_type(request.resource_type)
        require(request.project, "project")
        require(request.domain, "domain")
        page = read_page(request, "ListNamedEntities")
        _check_listable(request.resource_type)
        with self._db.read() as connection:
            scope = (request.resource_type, request.project, request.domain)
            found = rows.list_page(connection, *scope, _without_generated(page))
        return common_pb2.NamedEntityList(entities=map(_to_message, found), token=next_token(page, found))

    def update(self, request: common_pb2.NamedEntityUpdateRequest) -> common_pb2.NamedEntityUpdateResponse:
        """The state is always written; an empty description keeps the old one."""
        _check_type(request.resource_type)
        validate_named_entity_identifier(request.id)
        require(request.HasField("metadata"), "metadata")
        _check_archivable(request)
        _check_listable(request.resource_type)
        name, metadata = _name(request.id), request.metadata
        with self._db.write() as connection:
            if rows.get(connection, request.resource_type, name) is None:
                raise _not_found()
            now = to_micros(self._clock.now())
            rows.upsert(connection, request.resource_type, name, now, metadata.state, metadata.description)
        return common_pb2.NamedEntityUpdateResponse()


def _check_type(resource_type: int) -> None:
    if resource_type == identifier_pb2.UNSPECIFIED:
        raise invalid_value("resource_type")


def _check_archivable(request: common_pb2.NamedEntityUpdateRequest) -> None:
    is_active = request.metadata.state == common_pb2.NAMED_ENTITY_ACTIVE
    if not is_active and request.resource_type not in TABLES:
        kind = _type_name(request.resource_type)
        raise InvalidArgument(f"Resource [{kind}] cannot have its state updated")


def _check_listable(resource_type: int) -> None:
    if resource_type not in TABLES:
        raise InvalidArgument(f"Cannot list entity names for resource type: {_type_name(resource_type)}")


def _type_name(resource_type: int) -> str:
    known = identifier_pb2.ResourceType.DESCRIPTOR.values_by_number.get(resource_type)
    return known.name if known else str(resource_type)


def _without_generated(page: Page) -> Page:
    if page.filters:
        return page
    return Page(page.limit, page.offset, [_NOT_GENERATED], page.sort_key, page.descending, page.has_sort)


def _not_found() -> NotFound:
    return NotFound("entry not found")


def _name(id: common_pb2.NamedEntityIdentifier) -> rows.Name:
    return id.project, id.domain, id.name


def _to_message(row: Row[Any]) -> common_pb2.NamedEntity:
    return common_pb2.NamedEntity(
        resource_type=row.resource_type,
        id=common_pb2.NamedEntityIdentifier(project=row.project, domain=row.domain, name=row.name),
        metadata=common_pb2.NamedEntityMetadata(description=row.description, state=row.state),
    )
