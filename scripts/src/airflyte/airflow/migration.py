"""The metadata database's schema: made and brought up to date by ``airflow db migrate``, only when it has
to be.

That command takes seconds. A stamp says which Airflow ran it last and to which revision it led; the
database is asked whether it still is there. (A dump of a migrated database would load faster, but the
migration runs while other environments are still being installed, so a dump would save nothing and have to
be kept up to date.)
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from airflyte.errors import AirflyteError
from airflyte.postgres.databases import CONNECT_SECONDS, Database
from airflyte.state import write_json

STAMP_NAME = "migrated.json"
LIMIT_SECONDS = 300


def migrate(
    database: Database, version: str, *, python: Path, home: Path, environment: Mapping[str, str], log: Path
) -> bool:
    """Bring the schema to what this Airflow needs; safe to call again.

    :param version: Airflow's.
    :param environment: the whole environment of the command.
    :param log: where its output goes.
    :return: whether anything had to be done.
    :raises AirflyteError: when Airflow could not do it.
    """
    revision = _revision(database)
    stamp = {"airflow": version, "revision": revision}
    if revision is not None and _read(home / STAMP_NAME) == stamp:
        return False
    (home / STAMP_NAME).unlink(missing_ok=True)
    _run(python, home, environment, log)
    write_json(home / STAMP_NAME, {**stamp, "revision": _revision(database)})
    return True


def _run(python: Path, home: Path, environment: Mapping[str, str], log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        try:
            code = subprocess.run(
                [str(python), "-m", "airflow", "db", "migrate"],
                cwd=home,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=LIMIT_SECONDS,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired as error:
            raise AirflyteError(
                f"airflow db migrate did not end within {LIMIT_SECONDS} seconds.", log=log
            ) from error
    if code != 0:
        raise AirflyteError(f"airflow db migrate failed with exit code {code}.", log=log)


def _revision(database: Database) -> str | None:
    """The schema's revision, or None for a database without one."""
    import psycopg

    with psycopg.connect(database.url(), connect_timeout=CONNECT_SECONDS, autocommit=True) as connection:
        if connection.execute("select to_regclass('alembic_version')").fetchone() == (None,):
            return None
        row = connection.execute("select version_num from alembic_version").fetchone()
    return str(row[0]) if row else None


def _read(stamp: Path) -> object:
    try:
        return json.loads(stamp.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
