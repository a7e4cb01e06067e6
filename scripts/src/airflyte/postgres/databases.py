"""The stack's two databases by address: in our own cluster, or beside the one whose URL the user gave.

Airflow's metadata is one, the warehouse of the example Dags is the other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from airflyte.errors import AirflyteError
from airflyte.postgres.cluster import AIRFLOW_DATABASE, HOST, USER, WAREHOUSE_DATABASE

CONNECT_SECONDS = 3
SCHEMES = ("postgresql", "postgres")


@dataclasses.dataclass(frozen=True)
class Database:
    """One database on a PostgreSQL server; ``repr`` leaves the password out."""

    host: str
    port: int
    user: str
    password: str = dataclasses.field(repr=False)
    name: str
    options: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def url(self, scheme: str = "postgresql") -> str:
        """Its address with the password, for programs that take URLs; never for a command line."""
        login = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        query = f"?{urlencode(self.options)}" if self.options else ""
        return f"{scheme}://{login}@{host}:{self.port}/{quote(self.name, safe='')}{query}"

    def __str__(self) -> str:
        return f"{self.name} on {self.host}:{self.port}"


@dataclasses.dataclass(frozen=True)
class Databases:
    """The two databases of a stack."""

    airflow: Database
    warehouse: Database

    def __iter__(self) -> Iterator[Database]:
        return iter((self.airflow, self.warehouse))


def own_databases(port: int, password: str) -> Databases:
    """Those of the stack's own cluster."""
    return Databases(
        *(Database(HOST, port, USER, password, name) for name in (AIRFLOW_DATABASE, WAREHOUSE_DATABASE))
    )


def foreign_databases(url: str) -> Databases:
    """Those on the user's server: the database that the URL names, and ``<name>_warehouse`` beside it.

    :raises AirflyteError: when it is no PostgreSQL URL with user and database.
    """
    parts = urlsplit(url)
    try:
        port = parts.port or 5432
    except ValueError as error:
        raise _bad_url(str(error)) from error
    name = unquote(parts.path.strip("/"))
    if parts.scheme not in SCHEMES or not parts.hostname or not parts.username or not name:
        raise _bad_url("it takes the form postgresql://user:password@host:5432/database")
    airflow = Database(
        host=parts.hostname,
        port=port,
        user=unquote(parts.username),
        password=unquote(parts.password or ""),
        name=name,
        options=dict(parse_qsl(parts.query)),
    )
    return Databases(airflow, dataclasses.replace(airflow, name=f"{name}_warehouse"))


def check(database: Database) -> None:
    """``select 1``.

    :raises OSError: when the database does not answer; the text is the server's or the driver's.
    """
    import psycopg

    try:
        with psycopg.connect(database.url(), connect_timeout=CONNECT_SECONDS, autocommit=True) as connection:
            connection.execute("select 1")
    except psycopg.Error as error:
        raise ConnectionError(f"{database}: {_first_line(error)}") from error


def create_missing(databases: Databases) -> None:
    """Make the warehouse on a user's server if it is not there.

    :raises AirflyteError: when the server cannot be reached or refuses.
    """
    import psycopg
    from psycopg import sql

    name = databases.warehouse.name
    try:
        with psycopg.connect(
            databases.airflow.url(), connect_timeout=CONNECT_SECONDS, autocommit=True
        ) as connection:
            if not connection.execute("select 1 from pg_database where datname = %s", (name,)).fetchone():
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    except psycopg.OperationalError as error:
        raise AirflyteError(
            "The PostgreSQL of AIRFLYTE_DATABASE_URL does not answer "
            f"({databases.airflow}): {_first_line(error)}."
        ) from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise AirflyteError(
            f"{databases.airflow.user} may not create the database {name}; have it made by an administrator."
        ) from error


def _bad_url(why: str) -> AirflyteError:
    return AirflyteError(f"AIRFLYTE_DATABASE_URL is not usable: {why}.")


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
