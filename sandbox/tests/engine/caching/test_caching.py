"""What the events of a cached node say, and what a catalog that fails costs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest
from flyteidl.core import catalog_pb2, identifier_pb2
from flyteidl.event import event_pb2
from sqlalchemy.exc import OperationalError

from flyte_sandbox.catalog import artifacts, reservations
from flyte_sandbox.db.database import Database
from flyte_sandbox.engine import records
from flyte_sandbox.engine.caching.keys import cache_key
from flyte_sandbox.engine.caching.lookups import CacheLookups
from flyte_sandbox.engine.messages import (
    CacheLooked,
    CachePut,
    LookUpCache,
    NodeEvent,
    ReleaseReservation,
    Terminate,
)
from flyte_sandbox.errors import DiskFull
from flyte_sandbox.phases import NODE

from ..graphs import EXECUTION, Stepper, echo_task, literals, task_node, template

Reservation = catalog_pb2.CatalogReservation
NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    db = Database(f"sqlite:///{tmp_path / 'flyte.db'}")
    db.migrate()
    yield db
    db.close()


def cached(is_serialized: bool = False, overwrite: bool = False) -> Stepper:
    task = echo_task(cached=True)
    task.template.metadata.cache_serializable = is_serialized
    run = Stepper(template([task_node("n0", ("", "text"))], ("n0", "o0")), task=task)
    run.run.spec.overwrite_cache = overwrite
    return run


def statuses(run: Stepper, uid: str = "n0") -> dict[int, int]:
    """By node phase."""
    events = [one.event for one in run.events if isinstance(one, NodeEvent)]
    return {one.phase: one.task_node_metadata.cache_status for one in events if one.id.node_id == uid}


def test_a_miss_is_said_while_the_task_runs_and_the_put_at_its_end() -> None:
    run = cached()
    run.begin()
    run.send(CacheLooked("n0"))
    run.succeed("n0")
    assert statuses(run) == {
        NODE.QUEUED: catalog_pb2.CACHE_MISS,
        NODE.RUNNING: catalog_pb2.CACHE_MISS,
        NODE.SUCCEEDED: catalog_pb2.CACHE_POPULATED,
    }


def test_overwriting_skips_the_lookup_and_populates() -> None:
    run = cached(overwrite=True)
    run.begin()
    run.succeed("n0")
    assert statuses(run)[NODE.RUNNING] == catalog_pb2.CACHE_SKIPPED
    assert statuses(run)[NODE.SUCCEEDED] == catalog_pb2.CACHE_POPULATED


def test_a_lookup_that_failed_is_a_miss_with_a_name() -> None:
    run = cached()
    run.begin()
    run.send(CacheLooked("n0", status=catalog_pb2.CACHE_LOOKUP_FAILURE))
    assert statuses(run)[NODE.RUNNING] == catalog_pb2.CACHE_LOOKUP_FAILURE


def test_who_waits_for_a_reservation_is_queued_and_ends_with_the_others_outputs() -> None:
    run = cached(is_serialized=True)
    run.begin()
    assert run.acts_of(LookUpCache)[0].is_serialized
    held = CacheLooked("n0", reservation=Reservation.RESERVATION_EXISTS)
    assert run.send(held) == ["n0 QUEUED"]
    assert run.send(held) == []
    hit = CacheLooked("n0", literals(o0="old"), catalog_pb2.CatalogMetadata(), catalog_pb2.CACHE_HIT)
    assert run.send(hit)[0] == "n0 SUCCEEDED"
    assert not any("n0/0" in line for line in run.log)


def test_a_reservation_is_given_back_when_the_node_ends_however_it_ends() -> None:
    for end in (lambda run: run.succeed("n0"), lambda run: run.fail("n0")):
        run = cached(is_serialized=True)
        run.begin()
        run.send(CacheLooked("n0", reservation=Reservation.RESERVATION_ACQUIRED))
        end(run)
        assert run.acts_of(ReleaseReservation)


def test_who_waits_can_be_terminated() -> None:
    run = cached(is_serialized=True)
    run.begin()
    run.send(CacheLooked("n0", reservation=Reservation.RESERVATION_EXISTS))
    assert run.send(Terminate()) == ["n0 ABORTED", "workflow ABORTED"]
    assert run.acts_of(ReleaseReservation)


def put() -> CachePut:
    source = identifier_pb2.TaskExecutionIdentifier()
    return CachePut(echo_task(cached=True).template, literals(text="in"), literals(o0="out"), source, "n0")


def test_a_catalog_that_cannot_be_written_does_not_fail_the_node(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded: list[event_pb2.NodeExecutionEvent] = []
    monkeypatch.setattr(records.recording, "record_node", lambda _, event, notes: recorded.append(event))

    def refuse(*_: object) -> None:
        raise OperationalError("insert", {}, sqlite3.OperationalError("disk I/O error"))

    monkeypatch.setattr(artifacts, "put", refuse)
    event = event_pb2.NodeExecutionEvent()
    event.id.node_id = "n0"
    with db.write() as connection:
        records.write_records(connection, [put(), NodeEvent(event, "")], NOW)
    metadata = recorded[0].task_node_metadata
    assert metadata.cache_status == catalog_pb2.CACHE_PUT_FAILURE
    assert metadata.catalog_key.dataset_id.name == "echo"


def test_on_a_full_disk_nothing_of_the_node_is_written(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database may have given up the whole transaction by itself."""
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorcode = sqlite3.SQLITE_FULL

    def refuse(*_: object) -> None:
        raise OperationalError("insert", {}, full)

    monkeypatch.setattr(artifacts, "put", refuse)
    with pytest.raises(DiskFull), db.write() as connection:
        records.write_records(connection, [put()], NOW)


def look_up(is_serialized: bool = False, uid: str = "n0") -> LookUpCache:
    id = identifier_pb2.NodeExecutionIdentifier(node_id=uid, execution_id=EXECUTION)
    return LookUpCache(uid, id, echo_task(cached=True).template, literals(text="in"), is_serialized)


def test_outputs_under_other_names_are_none(db: Database) -> None:
    answers: list[CacheLooked] = []
    act = look_up()
    with db.write() as connection:
        source = identifier_pb2.TaskExecutionIdentifier()
        artifacts.put(connection, cache_key(act.task, act.inputs), literals(other="x"), source, 0)
    CacheLookups(db, lambda _, answer: answers.append(answer)).look_up(EXECUTION, act)
    assert answers[0].status == catalog_pb2.CACHE_LOOKUP_FAILURE
    assert answers[0].outputs is None


def test_a_task_without_a_cache_version_runs_and_is_not_remembered(db: Database) -> None:
    answers: list[CacheLooked] = []
    act = look_up()
    act.task.metadata.discovery_version = " "
    CacheLookups(db, lambda _, answer: answers.append(answer)).look_up(EXECUTION, act)
    assert answers == [CacheLooked("n0", status=catalog_pb2.CACHE_LOOKUP_FAILURE)]


def test_a_reservation_whose_owner_is_gone_is_free(db: Database) -> None:
    act = look_up(is_serialized=True)
    key = cache_key(act.task, act.inputs)
    other = identifier_pb2.NodeExecutionIdentifier(node_id="n1", execution_id=EXECUTION)
    with db.write() as connection:
        # There is no execution of this name, so nobody makes anything for it.
        assert reservations.acquire(connection, key, other, {"SUCCEEDED"})
        assert reservations.acquire(connection, key, act.node_execution, {"SUCCEEDED"})
        assert reservations.release_all(connection, EXECUTION) == [key]
