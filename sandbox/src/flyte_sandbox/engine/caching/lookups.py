"""Asks the catalog for nodes, and lets those wait whose outputs are being made elsewhere.

Source: flytepropeller pkg/controller/nodes/cache.go.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from flyteidl.core import catalog_pb2
from flyteidl.core import execution_pb2 as core_execution_pb2
from google.protobuf.message import DecodeError
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from flyte_sandbox.catalog import artifacts, reservations
from flyte_sandbox.catalog.artifacts import CacheKey
from flyte_sandbox.db.database import Database
from flyte_sandbox.engine.caching.keys import UnversionedError, cache_key
from flyte_sandbox.engine.messages import CacheLooked, LookUpCache, Message, ReleaseReservation
from flyte_sandbox.engine.model import ExecutionId
from flyte_sandbox.phases import NODE_TERMINAL, WORKFLOW_TERMINAL

logger = logging.getLogger(__name__)

_ENDED = {core_execution_pb2.NodeExecution.Phase.Name(phase) for phase in NODE_TERMINAL} | {
    core_execution_pb2.WorkflowExecution.Phase.Name(phase) for phase in WORKFLOW_TERMINAL
}
_Waiting = dict[tuple[str, str, str, str], tuple[ExecutionId, LookUpCache]]


class CacheLookups:
    """Used by the engine's thread only.

    :param post: brings a message to the engine.
    """

    def __init__(self, db: Database, post: Callable[[ExecutionId, Message], None]) -> None:
        self._db = db
        self._post = post
        self._waiting: dict[CacheKey, _Waiting] = {}

    def look_up(self, id: ExecutionId, act: LookUpCache) -> None:
        """Answer with a hit or a miss; or, while somebody else makes the outputs, that one has to wait."""
        try:
            answer = self._ask(id, act)
        except (SQLAlchemyError, DecodeError, UnversionedError):
            # A cache that cannot be read must not keep anybody from working.
            logger.exception("looking into the catalog for node %s of %s failed", act.node_uid, id.name)
            answer = CacheLooked(act.node_uid, status=catalog_pb2.CACHE_LOOKUP_FAILURE)
        self._post(id, answer)

    def _ask(self, id: ExecutionId, act: LookUpCache) -> CacheLooked:
        key = cache_key(act.task, act.inputs)
        if not act.is_serialized:
            with self._db.read() as connection:
                return _find(connection, key, act) or CacheLooked(act.node_uid)
        with self._db.write() as connection:
            found = _find(connection, key, act)
            if found is not None:
                return found
            is_acquired = reservations.acquire(connection, key, act.node_execution, _ENDED)
        if is_acquired:
            return CacheLooked(act.node_uid, reservation=catalog_pb2.CatalogReservation.RESERVATION_ACQUIRED)
        waiting = self._waiting.setdefault(key, {})
        waiting[id.project, id.domain, id.name, act.node_uid] = (id, act)
        return CacheLooked(act.node_uid, reservation=catalog_pb2.CatalogReservation.RESERVATION_EXISTS)

    def released(self, act: ReleaseReservation) -> None:
        """A node has ended that held a reservation, or waited for one."""
        key, id = cache_key(act.task, act.inputs), act.owner.execution_id
        waiting = self._waiting.get(key, {})
        waiting.pop((id.project, id.domain, id.name, act.owner.node_id), None)
        self._ask_again(key)

    def forget(self, id: ExecutionId) -> None:
        """An execution has ended: nothing of it waits any more, and others need not wait for it."""
        execution = (id.project, id.domain, id.name)
        for key, waiting in list(self._waiting.items()):
            for one in [one for one in waiting if one[:3] == execution]:
                del waiting[one]
            if not waiting:
                del self._waiting[key]
        if self._waiting:
            with self._db.write() as connection:
                freed = reservations.release_all(connection, id)
            for key in freed:
                self._ask_again(key)

    def _ask_again(self, key: CacheKey) -> None:
        """The first of those who wait is served or makes the outputs itself; the others wait on."""
        for id, act in self._waiting.pop(key, {}).values():
            self.look_up(id, act)


def _find(connection: Connection, key: CacheKey, act: LookUpCache) -> CacheLooked | None:
    """Outputs under other names than the task's are none."""
    found = artifacts.get(connection, key)
    if found is None:
        return None
    outputs, metadata = found
    if set(outputs.literals) != set(act.task.interface.outputs.variables):
        return CacheLooked(act.node_uid, status=catalog_pb2.CACHE_LOOKUP_FAILURE)
    return CacheLooked(act.node_uid, outputs, metadata, catalog_pb2.CACHE_HIT)
