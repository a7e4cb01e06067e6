"""Who is making the outputs for a cache key right now (``cache_serialize``), so that others wait for them.

A reservation needs no heartbeat: its owner is a node of this sandbox, so whether it still works stands in
the rows. Source: datacatalog pkg/manager/impl/reservation_manager.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flyteidl.core import identifier_pb2
from sqlalchemy import ColumnElement, Connection, Row, and_, delete, insert, select

from flyte_sandbox.catalog.artifacts import CacheKey
from flyte_sandbox.db import executions as rows
from flyte_sandbox.db.schema import reservations


def acquire(
    connection: Connection,
    key: CacheKey,
    owner: identifier_pb2.NodeExecutionIdentifier,
    ended_phases: Iterable[str],
) -> bool:
    """:param ended_phases: names of the phases in which a node or an execution makes nothing any more.

    :return: whether it is the owner's now. What somebody holds who has ended is free; asking twice is safe.
    """
    held = connection.execute(select(reservations).where(is_key(key))).one_or_none()
    if held is not None and _is_of(held, owner):
        return True
    if held is not None and _works(connection, held, set(ended_phases)):
        return False
    connection.execute(delete(reservations).where(is_key(key)))
    values = {"node_id": owner.node_id, **_execution(owner.execution_id)}
    connection.execute(insert(reservations).values(**_columns(key), **values))
    return True


def release(connection: Connection, key: CacheKey, owner: identifier_pb2.NodeExecutionIdentifier) -> None:
    """Does nothing when somebody else holds it."""
    mine = and_(rows.of_execution(reservations, owner.execution_id), reservations.c.node_id == owner.node_id)
    connection.execute(delete(reservations).where(is_key(key), mine))


def release_all(connection: Connection, id: identifier_pb2.WorkflowExecutionIdentifier) -> list[CacheKey]:
    """:return: what an execution that has ended still held."""
    found = connection.execute(
        delete(reservations)
        .where(rows.of_execution(reservations, id))
        .returning(*(reservations.c[name] for name in _KEY))
    )
    return [CacheKey(*row) for row in found]


_KEY: Sequence[str] = ("project", "domain", "dataset", "version", "tag")


def _columns(key: CacheKey) -> dict[str, str]:
    return {name: getattr(key, name) for name in _KEY}


def is_key(key: CacheKey) -> ColumnElement[bool]:
    return and_(*(reservations.c[name] == value for name, value in _columns(key).items()))


def _execution(id: identifier_pb2.WorkflowExecutionIdentifier) -> dict[str, str]:
    return {"execution_project": id.project, "execution_domain": id.domain, "execution_name": id.name}


def _owner(held: Row[tuple[object, ...]]) -> identifier_pb2.NodeExecutionIdentifier:
    execution = identifier_pb2.WorkflowExecutionIdentifier(
        project=held.execution_project, domain=held.execution_domain, name=held.execution_name
    )
    return identifier_pb2.NodeExecutionIdentifier(execution_id=execution, node_id=held.node_id)


def _is_of(held: Row[tuple[object, ...]], owner: identifier_pb2.NodeExecutionIdentifier) -> bool:
    return bool(_owner(held) == owner)


def _works(connection: Connection, held: Row[tuple[object, ...]], ended: set[str]) -> bool:
    """An element of an array has no row of its own, and a node that has just asked has none yet."""
    owner = _owner(held)
    execution = rows.get(connection, owner.execution_id)
    node = rows.get_node(connection, owner)
    return (
        execution is not None and execution.phase not in ended and (node is None or node.phase not in ended)
    )
