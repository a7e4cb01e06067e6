"""As root PostgreSQL runs as nobody, else in a user namespace, else not at all; else as who started it."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflyte.errors import AirflyteError
from airflyte.postgres import account
from airflyte.postgres.cluster import Cluster, find_binaries

from .conftest import PASSWORD, Server, free_port

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="what root's PostgreSQL runs as")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter; pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="airflyte-open-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@as_root
def test_root_uses_nobody_where_nobody_can_enter(open_folder: Path) -> None:
    cluster = Cluster(open_folder / "postgres", free_port(), find_binaries())
    cluster.prepare(PASSWORD)
    server = Server(cluster)
    server.start()
    server.end(signal.SIGINT)
    assert cluster.account.name == "nobody"
    assert cluster.data.stat().st_uid == pwd.getpwnam("nobody").pw_uid


@as_root
def test_rows_stay_when_the_folder_is_closed_to_nobody_later(open_folder: Path) -> None:
    first = Cluster(open_folder / "postgres", free_port(), find_binaries())
    first.prepare(PASSWORD)
    open_folder.chmod(0o700)
    second = Cluster(open_folder / "postgres", free_port(), find_binaries())
    assert second.prepare(PASSWORD) is False
    server = Server(second)
    server.start()
    server.end(signal.SIGINT)
    assert second.account.name == "its owner in a user namespace"
    assert second.data.stat().st_uid == 0


@as_root
def test_root_stops_with_a_sentence_where_neither_way_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "closed").mkdir(mode=0o700)
    monkeypatch.setattr(account, "_namespace", lambda: None)
    with pytest.raises(
        AirflyteError, match=r"nobody cannot enter .*no user namespace.*AIRFLYTE_DATABASE_URL"
    ):
        account.choose_account(find_binaries(), tmp_path / "closed" / "postgres")


def test_a_user_without_a_name_uses_a_namespace_or_stops_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    chosen = account.choose_account(find_binaries(), tmp_path / "postgres")
    assert chosen.prefix[1] == "--user"
    monkeypatch.setattr(account, "_namespace", lambda: None)
    with pytest.raises(AirflyteError, match=r"a user without a name \(uid 54321\), and this kernel"):
        account.choose_account(find_binaries(), tmp_path / "postgres")


def test_the_sentence_names_the_first_closed_folder(tmp_path: Path) -> None:
    base = Path(tempfile.mkdtemp())
    base.chmod(0o755)
    (base / "home").mkdir(mode=0o700)
    (base / "home" / "state").mkdir()
    assert account.closed_folder(base / "home" / "state") == base / "home"
    shutil.rmtree(base)


def test_giving_follows_no_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("not ours")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link").symlink_to(outside)
    before = outside.stat().st_uid
    if os.geteuid() == 0:
        account.give(inside, (12345, 12345))
        assert (inside / "link").lstat().st_uid == 12345
    else:
        account.give(inside, (os.geteuid(), os.getegid()))
    assert outside.stat().st_uid == before
