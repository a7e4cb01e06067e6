"""Writes a decision's records down, in one transaction. The rules of each row are ``admin.events``'."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from flyteidl.core import catalog_pb2
from flyteidl.event import event_pb2
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from flyte_sandbox.admin import signals
from flyte_sandbox.admin.events import recording
from flyte_sandbox.catalog import artifacts, reservations
from flyte_sandbox.db.refusals import refusal_of
from flyte_sandbox.db.times import to_micros
from flyte_sandbox.engine.caching.keys import UnversionedError, cache_key
from flyte_sandbox.engine.messages import (
    CachePut,
    NeedSignal,
    NodeEvent,
    NodeNotes,
    Record,
    ReleaseReservation,
)

logger = logging.getLogger(__name__)


def write_records(connection: Connection, records: Iterable[Record], now: datetime) -> None:
    catalog_keys: dict[str, tuple[Any, catalog_pb2.CatalogMetadata]] = {}
    for record in records:
        match record:
            case event_pb2.WorkflowExecutionEvent():
                recording.record_workflow(connection, record)
            case event_pb2.TaskExecutionEvent():
                recording.record_task(connection, record)
            case NeedSignal():
                signals.ensure(connection, record.id, record.type, to_micros(now))
            case NodeNotes():
                recording.note_node(connection, record.id, record.notes)
            case CachePut():
                catalog_keys[record.node_uid] = _put(connection, record, now)
            case ReleaseReservation():
                key = cache_key(record.task, record.inputs)
                reservations.release(connection, key, record.owner)
            case NodeEvent():
                if record.event.id.node_id in catalog_keys:
                    # The put stands before the end of the node that it belongs to.
                    metadata = record.event.task_node_metadata
                    status, catalog_key = catalog_keys.pop(record.event.id.node_id)
                    metadata.cache_status = status
                    metadata.catalog_key.CopyFrom(catalog_key)
                recording.record_node(connection, record.event, record.notes)


def _put(connection: Connection, record: CachePut, now: datetime) -> tuple[Any, catalog_pb2.CatalogMetadata]:
    """A cache that cannot be written does not fail the node; everything else of the transaction stands.

    :return: the status to show and what it is about.
    """
    try:
        key = cache_key(record.task, record.inputs)
        with connection.begin_nested():
            metadata = artifacts.put(connection, key, record.outputs, record.source, to_micros(now))
        return catalog_pb2.CACHE_POPULATED, metadata
    except (SQLAlchemyError, UnversionedError) as exc:
        if isinstance(exc, OperationalError) and refusal_of(exc) is not None:
            raise  # nothing else of the transaction could be written, either
        logger.exception("remembering the outputs of node %s failed", record.node_uid)
        return catalog_pb2.CACHE_PUT_FAILURE, catalog_pb2.CatalogMetadata(dataset_id=record.task.id)
