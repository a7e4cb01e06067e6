"""Clusters in folders of their own, run by the test itself on free ports."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airflyte.postgres import databases
from airflyte.postgres.cluster import Cluster, find_binaries
from airflyte.processes import marks
from airflyte.state import MARK

PASSWORD = "p%40 \"'$x"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(works: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            works()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


class Server:
    """Runs a cluster's component as the supervisor would."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.stack_id = f"test-{secrets.token_hex(8)}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        component = self.cluster.component()
        environment = {**os.environ, **component.environment, MARK: self.stack_id}
        with (self.cluster.folder.parent / "postgres.log").open("ab") as log:
            self.process = subprocess.Popen(
                component.command, cwd=component.folder, env=environment, stdout=log, stderr=log
            )
        pair = databases.own_databases(self.cluster.port, PASSWORD)
        eventually(lambda: [databases.check(database) for database in pair])

    def end(self, number: int) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(timeout=20)


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path / "air flyte ü %" / "postgres", free_port(), find_binaries())


@pytest.fixture
def server(cluster: Cluster) -> Iterator[Server]:
    cluster.folder.parent.mkdir()
    cluster.prepare(PASSWORD)
    server = Server(cluster)
    yield server
    marks.end_marked(server.stack_id, grace_seconds=5)
    if server.process:
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.process.wait(timeout=5)
