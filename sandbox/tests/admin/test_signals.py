"""Signals: made once, set any number of times with a value of their type, listed."""

from __future__ import annotations

import pytest
from flyteidl.admin import signal_pb2
from flyteidl.core import identifier_pb2, literals_pb2, types_pb2

from flyte_sandbox.admin.rooms import Admin
from flyte_sandbox.errors import InvalidArgument

from ..conformance.entities import INTEGER, STRING, integer, text
from .launches import PROJECT, ExecutionId
from .rooms import Rooms

EXECUTION = ExecutionId(project=PROJECT, domain="development", name="a1")
ID = identifier_pb2.SignalIdentifier(signal_id="approve", execution_id=EXECUTION)


def create(admin: Admin, **fields: object) -> signal_pb2.Signal:
    request = signal_pb2.SignalGetOrCreateRequest(**{"id": ID, "type": INTEGER, **fields})
    return admin.signals.get_or_create(request)


def give(admin: Admin, **fields: object) -> None:
    admin.signals.set(signal_pb2.SignalSetRequest(**{"id": ID, "value": integer(1), **fields}))


def list_all(admin: Admin, **fields: object) -> signal_pb2.SignalList:
    base = {"workflow_execution_id": EXECUTION, "limit": 10}
    return admin.signals.list(signal_pb2.SignalListRequest(**{**base, **fields}))


def test_a_signal_is_made_once_and_its_last_value_counts(rooms: Rooms) -> None:
    first = create(rooms.admin)
    assert first == signal_pb2.Signal(id=ID, type=INTEGER)
    for value in (1, 2):
        give(rooms.admin, value=integer(value))
    assert create(rooms.admin, type=STRING) == signal_pb2.Signal(id=ID, type=INTEGER, value=integer(2))
    assert rooms.told == [(EXECUTION, "approve", integer(value)) for value in (1, 2)]


def test_signals_of_an_execution_come_in_pages(admin: Admin) -> None:
    for name in ("b", "a"):
        create(admin, id=identifier_pb2.SignalIdentifier(signal_id=name, execution_id=EXECUTION))
    first = list_all(admin, limit=1)
    assert [one.id.signal_id for one in first.signals] == ["b"]
    assert [one.id.signal_id for one in list_all(admin, token=first.token).signals] == ["a"]
    assert [one.id.signal_id for one in list_all(admin, filters="eq(signal_id,a)").signals] == ["a"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"id": None}, "missing id"),
        ({"id": identifier_pb2.SignalIdentifier(execution_id=EXECUTION)}, "missing signal_id"),
        ({"id": identifier_pb2.SignalIdentifier(signal_id="a")}, "missing execution_id"),
        ({"type": types_pb2.LiteralType()}, "missing type"),
    ],
)
def test_what_a_new_signal_needs(admin: Admin, fields: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        create(admin, **fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"id": None}, "missing id"),
        ({"value": literals_pb2.Literal()}, "missing value"),
        ({"value": text("one")}, "is not castable to existing signal type"),
        (
            {"id": identifier_pb2.SignalIdentifier(signal_id="other", execution_id=EXECUTION)},
            "failed to validate that signal .* exists, err",
        ),
    ],
)
def test_what_a_value_needs(rooms: Rooms, fields: dict[str, object], message: str) -> None:
    create(rooms.admin)
    with pytest.raises(InvalidArgument, match=message):
        give(rooms.admin, **fields)
    assert rooms.told == []
