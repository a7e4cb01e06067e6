"""Writes a decision's records down, in one transaction. The rules of each row are ``admin.events``'."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from flyteidl.event import event_pb2
from sqlalchemy import Connection

from flyte_sandbox.admin import events, signals
from flyte_sandbox.catalog import artifacts
from flyte_sandbox.db.times import to_micros
from flyte_sandbox.engine.caching import cache_key
from flyte_sandbox.engine.messages import CachePut, NeedSignal, NodeEvent, NodeNotes, Record


def write_records(connection: Connection, records: Iterable[Record], now: datetime) -> None:
    catalog_keys = {}
    for record in records:
        match record:
            case event_pb2.WorkflowExecutionEvent():
                events.record_workflow(connection, record)
            case event_pb2.TaskExecutionEvent():
                events.record_task(connection, record)
            case NeedSignal():
                signals.ensure(connection, record.id, record.type, to_micros(now))
            case NodeNotes():
                events.note_node(connection, record.id, record.notes)
            case CachePut():
                key = cache_key(record.task, record.inputs)
                catalog_keys[record.node_uid] = artifacts.put(
                    connection, key, record.outputs, record.source, to_micros(now)
                )
            case NodeEvent():
                if record.event.id.node_id in catalog_keys:
                    # The put stands before the end of the node that it belongs to.
                    catalog_key = catalog_keys.pop(record.event.id.node_id)
                    record.event.task_node_metadata.catalog_key.CopyFrom(catalog_key)
                events.record_node(connection, record.event, record.notes)
