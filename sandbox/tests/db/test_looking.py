"""Single reads on a connection that is kept: never older than the last commit, and in nobody's way."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from flyte_sandbox.db.database import Database
from flyte_sandbox.db.schema import schema_version


@pytest.fixture
def db(tmp_path):
    db = Database(f"sqlite:///{tmp_path}/flyte.db")
    db.migrate()
    yield db
    db.close()


def look(db):
    with db.look() as connection:
        return connection.execute(select(schema_version.c.version)).scalar_one()


def put(db, version):
    with db.write() as connection:
        connection.execute(update(schema_version).values(version=version))


def test_each_look_sees_the_last_commit(db):
    for version in (70, 71, 72):
        put(db, version)
        assert look(db) == version


def test_a_look_does_not_see_what_is_not_committed(db):
    before = look(db)
    with db.write() as connection:
        connection.execute(update(schema_version).values(version=before + 1))
        assert look(db) == before
    assert look(db) == before + 1


def test_it_keeps_no_lock(db, tmp_path):
    look(db)
    with db.engine.connect() as connection:
        is_busy, in_log, moved = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
    assert (is_busy, in_log, moved) == (0, 0, 0)


def test_each_thread_has_its_own(db):
    put(db, 80)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: look(db), range(200))) == {80}


def test_it_goes_on_after_a_statement_that_fails(db):
    with pytest.raises(OperationalError), db.look() as connection:
        connection.exec_driver_sql("SELECT nothing FROM nowhere")
    put(db, 90)
    assert look(db) == 90


def test_after_closing_it_begins_anew(db):
    look(db)
    db.close()
    put(db, 91)
    assert look(db) == 91
