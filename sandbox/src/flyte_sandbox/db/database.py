"""Opens the database and hands out transactions.

SQLite runs in WAL mode: readers never wait, and one writer at a time, which takes the write lock when it
begins so that no transaction finds out half way that it lost a race.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, insert, inspect, select, update
from sqlalchemy.exc import DataError, OperationalError

from flyte_sandbox.db import schema
from flyte_sandbox.db.migrating import add_what_is_missing
from flyte_sandbox.db.refusals import refusal_of
from flyte_sandbox.errors import PASSING, InvalidArgument, StartupError


class Database:
    """:param url: an SQLAlchemy URL (``sqlite:///…`` or ``postgresql+psycopg://…``)."""

    def __init__(self, url: str) -> None:
        self.engine = _create_engine(url)
        self._is_sqlite = self.engine.dialect.name == "sqlite"
        self._writing = threading.RLock()
        self._kept = threading.local()
        self._all_kept: list[Connection] = []

    def migrate(self) -> None:
        """Makes the tables, or takes them from an older release's form to this one's.

        :raises StartupError: when a newer release wrote them, or it cannot be written to.
        """
        try:
            found = self._migrate()
        except PASSING as exc:
            raise StartupError(f"The database cannot be used: {exc.message}.") from exc
        if found > schema.VERSION:
            raise StartupError(
                f"The database has schema version {found}, this release knows {schema.VERSION}: "
                "a newer flyte-sandbox wrote it. Use that one, or remove the state folder."
            )

    def _migrate(self) -> int:
        """:return: the version that was found; of new tables this one."""
        with self.write() as connection:
            if not inspect(connection).has_table("schema_version"):
                schema.metadata.create_all(connection)
                connection.execute(insert(schema.schema_version).values(version=schema.VERSION))
            found = connection.execute(select(schema.schema_version.c.version)).scalar_one()
            if found < schema.VERSION:
                add_what_is_missing(connection)
                connection.execute(update(schema.schema_version).values(version=schema.VERSION))
            return int(found)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with _refusing(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def look(self) -> Iterator[Connection]:
        """For a single statement that reads, and is asked often.

        In SQLite it needs no transaction, and its thread keeps a connection: to take one, begin and roll back
        costs three times as much as to find a row by its key.
        """
        if self._is_sqlite:
            with _refusing():
                yield self._kept_connection()
        else:
            with self.read() as connection:
                yield connection

    def _kept_connection(self) -> Connection:
        connection: Connection | None = getattr(self._kept, "connection", None)
        if connection is None:
            connection = self._kept.connection = self.engine.connect().execution_options(is_kept=True)
            # There is one for each thread that looks, and single rows need few pages.
            connection.exec_driver_sql("PRAGMA cache_size=-256")
            self._all_kept.append(connection)
        return connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction, committed on leaving and rolled back by an exception."""
        lock = self._writing if self._is_sqlite else _NoLock()
        with _refusing(), lock, self.engine.connect() as connection:
            immediate = connection.execution_options(immediate=True)
            with immediate.begin():
                yield immediate

    def close(self) -> None:
        self._kept = threading.local()
        while self._all_kept:
            self._all_kept.pop().close()
        self.engine.dispose()


@contextmanager
def _refusing() -> Iterator[None]:
    """A value that no column can hold (a NUL in text, for PostgreSQL) is the caller's mistake, not ours."""
    try:
        yield
    except OperationalError as exc:
        raise refusal_of(exc) or exc from exc
    except DataError as exc:
        raise InvalidArgument(f"the database cannot hold a value of this request: {exc.orig}") from exc


class _NoLock:
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def _create_engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url, pool_size=10, max_overflow=20)
    engine = create_engine(
        url, pool_size=16, max_overflow=32, connect_args={"timeout": 30, "check_same_thread": False}
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _: object) -> None:
    # The driver's own idea of transactions begins them late; _begin_sqlite does it instead.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if not options.get("is_kept"):  # what it reads would stay as it was at its first statement
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("immediate") else "BEGIN")
