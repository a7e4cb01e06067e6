"""Signals: values that gate nodes wait for, given by people and programs.

Source: flyteadmin pkg/manager/impl/signal_manager.go, validation/signal_validator.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from flyteidl.admin import signal_pb2
from flyteidl.core import identifier_pb2, literals_pb2, types_pb2
from sqlalchemy import Connection, Row

from flyte_sandbox.admin.descriptions import missing
from flyte_sandbox.admin.pages import next_token, read_page
from flyte_sandbox.clock import Clock
from flyte_sandbox.compiler.literals import infer_type
from flyte_sandbox.compiler.prototext import one_line
from flyte_sandbox.compiler.typing import describe as describe_type
from flyte_sandbox.compiler.typing import is_castable
from flyte_sandbox.db import executions, schema
from flyte_sandbox.db import signals as rows
from flyte_sandbox.db.database import Database
from flyte_sandbox.db.listing import SIGNALS, select_page
from flyte_sandbox.db.times import to_micros
from flyte_sandbox.errors import InvalidArgument

SignalId: TypeAlias = identifier_pb2.SignalIdentifier
OnSet = Callable[[Any, str, literals_pb2.Literal], None]


class Signals:
    """:param on_set: told execution, signal id and value once the value is committed."""

    def __init__(self, db: Database, clock: Clock, on_set: OnSet) -> None:
        self._db = db
        self._clock = clock
        self._on_set = on_set

    def get_or_create(self, request: signal_pb2.SignalGetOrCreateRequest) -> signal_pb2.Signal:
        _check_id(request)
        if request.type.WhichOneof("type") is None:
            raise InvalidArgument("missing type")
        with self._db.write() as connection:
            row = ensure(connection, request.id, request.type, to_micros(self._clock.now()))
        return _to_message(row)

    def set(self, request: signal_pb2.SignalSetRequest) -> signal_pb2.SignalSetResponse:
        """May be repeated; a gate takes the value that it sees first."""
        _check_id(request)
        if request.value.WhichOneof("value") is None:
            raise InvalidArgument("missing value")
        with self._db.write() as connection:
            row = rows.get(connection, request.id)
            if row is None:
                raise InvalidArgument(
                    f"failed to validate that signal [{one_line(request.id)}] exists, "
                    f"err: [{missing('signal', request.id)}]"
                )
            _check_type(types_pb2.LiteralType.FromString(row.type), request.value)
            now = to_micros(self._clock.now())
            rows.set_value(connection, row.id, request.value.SerializeToString(), now)
        self._on_set(request.id.execution_id, request.id.signal_id, request.value)
        return signal_pb2.SignalSetResponse()

    def list(self, request: signal_pb2.SignalListRequest) -> signal_pb2.SignalList:
        execution = request.workflow_execution_id
        for name in ("project", "domain", "name"):
            if not getattr(execution, name):
                raise InvalidArgument(f"missing {name}")
        page = read_page(request, "ListSignals")
        with self._db.read() as connection:
            found = select_page(connection, SIGNALS, page, executions.of_execution(schema.signals, execution))
        return signal_pb2.SignalList(signals=map(_to_message, found), token=next_token(page, found))


def ensure(connection: Connection, id: SignalId, type: types_pb2.LiteralType, created_at: int) -> Row[Any]:
    """The signal's row, made without a value when there is none."""
    row = rows.get(connection, id)
    if row is None:
        rows.insert_signal(connection, id, type.SerializeToString(), created_at)
        row = rows.get(connection, id)
    assert row is not None
    return row


def read_value(row: Row[Any] | None) -> literals_pb2.Literal | None:
    return None if row is None or row.value is None else literals_pb2.Literal.FromString(row.value)


def _check_id(request: signal_pb2.SignalGetOrCreateRequest | signal_pb2.SignalSetRequest) -> None:
    id = request.id
    if not request.HasField("id"):
        raise InvalidArgument("missing id")
    if not id.signal_id:
        raise InvalidArgument("missing signal_id")
    if not id.HasField("execution_id"):
        raise InvalidArgument("missing execution_id")
    for name in ("project", "domain", "name"):
        if not getattr(id.execution_id, name):
            raise InvalidArgument(f"missing {name}")


def _check_type(wanted: types_pb2.LiteralType, value: literals_pb2.Literal) -> None:
    given = infer_type(value)
    if not is_castable(given, wanted):
        raise InvalidArgument(
            f"requested signal value [{describe_type(given)}] is not castable to existing signal type "
            f"[{describe_type(wanted)}]"
        )


def _to_message(row: Row[Any]) -> signal_pb2.Signal:
    execution = identifier_pb2.WorkflowExecutionIdentifier(
        project=row.execution_project, domain=row.execution_domain, name=row.execution_name
    )
    signal = signal_pb2.Signal(
        id=SignalId(signal_id=row.signal_id, execution_id=execution),
        type=types_pb2.LiteralType.FromString(row.type),
    )
    value = read_value(row)
    if value is not None:
        signal.value.CopyFrom(value)
    return signal
