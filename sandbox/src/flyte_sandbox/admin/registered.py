"""What tasks, workflows and launch plans share: versions are written once, compared by digest, read and
listed.

Source: flyteadmin pkg/manager/impl/{task,workflow,launch_plan}_manager.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flyteidl.admin import common_pb2
from flyteidl.core import identifier_pb2
from google.protobuf.message import Message
from sqlalchemy import ColumnElement, Connection, Row
from sqlalchemy.exc import IntegrityError

from flyte_sandbox.admin.descriptions import missing
from flyte_sandbox.admin.pages import next_token, read_page
from flyte_sandbox.compiler.difference import describe_difference
from flyte_sandbox.compiler.identifiers import validate_identifier
from flyte_sandbox.db import entities, named_entities
from flyte_sandbox.db.database import Database
from flyte_sandbox.db.listing import Resource, select_page
from flyte_sandbox.errors import AlreadyExists, InvalidArgument, NotFound, SandboxError

M = TypeVar("M", bound=Message)

KIND_NAMES = {
    identifier_pb2.TASK: "task",
    identifier_pb2.WORKFLOW: "workflow",
    identifier_pb2.LAUNCH_PLAN: "launch plan",
}
_TYPE_NAMES = {kind: identifier_pb2.ResourceType.Name(kind) for kind in KIND_NAMES}


def get_row(connection: Connection, id: identifier_pb2.Identifier) -> Row[Any]:
    """:raises NotFound: when this version is not registered."""
    row = entities.get(connection, id)
    if row is None:
        raise NotFound(missing(_TYPE_NAMES[id.resource_type], id))
    return row


def read_id(request: common_pb2.ObjectGetRequest, resource_type: int) -> identifier_pb2.Identifier:
    """The identifier of a Get request; clients may leave its resource type out."""
    id = identifier_pb2.Identifier()
    id.CopyFrom(request.id)
    if id.resource_type == identifier_pb2.UNSPECIFIED:
        id.resource_type = resource_type
    validate_identifier(id, resource_type)
    return id


def insert_once(
    db: Database,
    id: identifier_pb2.Identifier,
    digest: bytes,
    insert: Callable[[Connection], None],
    describe_old: Callable[[Row[Any]], tuple[Message, Message]],
    explain: Callable[[bool], tuple[Message, ...]] = lambda identical: (),
) -> None:
    """Writes a version, or says how it relates to the one that is there.

    :param insert: writes the row and what belongs to it.
    :param describe_old: the stored and the new message, to tell the difference by.
    :param explain: error details, given whether the two are identical.
    :raises AlreadyExists: when the stored version has the same digest.
    :raises InvalidArgument: when it has another; clients swallow the first and stop at the second.
    """
    with db.read() as connection:
        row = entities.get(connection, id)
    if row is None:
        try:
            with db.write() as connection:
                insert(connection)
            return
        except IntegrityError:
            # Another client registered the same version at the same moment; judge ours against that one.
            with db.read() as connection:
                row = get_row(connection, id)
    raise _conflict(id, row, digest, describe_old, explain)


def _conflict(
    id: identifier_pb2.Identifier,
    row: Row[Any],
    digest: bytes,
    describe_old: Callable[[Row[Any]], tuple[Message, Message]],
    explain: Callable[[bool], tuple[Message, ...]],
) -> SandboxError:
    kind = KIND_NAMES[id.resource_type]
    if row.digest == digest:
        return AlreadyExists(f"{kind} with identical structure already exists", *explain(True))
    difference = describe_difference(*describe_old(row))
    return InvalidArgument(
        f"{id.name} {kind} with different structure already exists. "
        f"(Please register a new version of the {kind}):\n{difference}",
        *explain(False),
    )


def mark_generated(connection: Connection, id: identifier_pb2.Identifier, now: int) -> None:
    """Hides the name from lists of what people have registered.

    :param now: microseconds since 1970.
    """
    name = (id.project, id.domain, id.name)
    named_entities.upsert(connection, id.resource_type, name, now, common_pb2.SYSTEM_GENERATED)


def list_rows(
    db: Database,
    resource: Resource,
    request: common_pb2.ResourceListRequest,
    rpc: str,
    to_message: Callable[[Row[Any]], M],
    *conditions: ColumnElement[bool],
) -> tuple[list[M], str]:
    """:return: the page's messages and the token of the next one."""
    if not request.id.project:
        raise InvalidArgument("missing project")
    if not request.id.domain:
        raise InvalidArgument("missing domain")
    page = read_page(request, rpc)
    table = resource.table.c
    where = [table.project == request.id.project, table.domain == request.id.domain]
    if request.id.name:
        where.append(table.name == request.id.name)
    with db.read() as connection:
        rows = select_page(connection, resource, page, *where, *conditions)
    return [to_message(row) for row in rows], next_token(page, rows)


def list_ids(
    db: Database, resource: Resource, request: common_pb2.NamedEntityIdentifierListRequest, rpc: str
) -> common_pb2.NamedEntityIdentifierList:
    """Distinct names, generated ones too; the request's filters are ignored."""
    if not request.project:
        raise InvalidArgument("missing project")
    if not request.domain:
        raise InvalidArgument("missing domain")
    page = read_page(request, rpc, has_filters=False)
    scope = (request.project, request.domain)
    with db.read() as connection:
        rows = entities.list_ids(connection, resource, *scope, page)
    ids = [common_pb2.NamedEntityIdentifier(project=scope[0], domain=scope[1], name=row.name) for row in rows]
    return common_pb2.NamedEntityIdentifierList(entities=ids, token=next_token(page, rows))
