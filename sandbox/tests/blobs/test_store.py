"""Which file an URI means, and that an object is there whole or not at all."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from flyte_sandbox.blobs.store import Store
from flyte_sandbox.errors import InvalidArgument, NotFound

URI = "s3://my-s3-bucket/flytesnacks/development/ABCXKL5ZZWXY3PDLM3OONUHHME======/fast0123.tar.gz"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "buckets ü")


def test_what_is_written_is_read_back(store: Store) -> None:
    store.write(URI, b"archive")
    assert store.read(URI) == b"archive"
    assert store.exists(URI)
    assert store.size(URI) == 7
    assert store.path(URI).read_bytes() == b"archive"
    assert store.uri(store.path(URI)) == URI


def test_a_second_write_replaces_the_object(store: Store) -> None:
    store.write(URI, b"one")
    store.write(URI, b"two")
    assert store.read(URI) == b"two"


def test_an_absent_object_is_not_found(store: Store) -> None:
    for call in (store.read, store.size, store.md5, store.open):
        with pytest.raises(NotFound, match="not found"):
            call(URI)
    assert not store.exists(URI)


def test_a_folder_of_objects_is_no_object(store: Store) -> None:
    store.write(URI, b"archive")
    folder = URI.rpartition("/")[0]
    assert not store.exists(folder)
    with pytest.raises(NotFound):
        store.read(folder)
    with pytest.raises(InvalidArgument, match="is a folder"):
        store.write(folder, b"")


def test_an_object_cannot_be_a_folder_too(store: Store) -> None:
    store.write(URI, b"archive")
    with pytest.raises(InvalidArgument, match="is an object"):
        store.write(URI + "/inside", b"")
    with pytest.raises(NotFound):
        store.read(URI + "/inside")


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "/etc/passwd",
        "file:///etc/passwd",
        "gs://my-s3-bucket/x",
        "s3://",
        "s3:///x",
        "s3://other/x",
        "s3://.staging/x",
        "s3://../x",
        "s3://my-s3-bucket/../x",
        "s3://my-s3-bucket/a/../../x",
        "s3://my-s3-bucket/a/./x",
        "s3://my-s3-bucket/a\0b",
        "s3://my-s3-bucket/" + "x" * 256,
    ],
)
def test_what_is_no_name_of_an_object_is_refused(store: Store, uri: str) -> None:
    with pytest.raises(InvalidArgument, match="invalid value for uri"):
        store.path(uri)


def test_a_link_out_of_the_bucket_is_refused(store: Store, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    store.write("s3://my-s3-bucket/d/real", b"1")
    os.symlink(tmp_path / "secret", store.path("s3://my-s3-bucket/d/leak"))
    os.symlink("real", store.path("s3://my-s3-bucket/d/alias"))
    with pytest.raises(InvalidArgument, match="out of its bucket"):
        store.read("s3://my-s3-bucket/d/leak")
    assert store.read("s3://my-s3-bucket/d/alias") == b"1"


def test_double_slashes_count_once(store: Store) -> None:
    assert store.path("s3://my-s3-bucket//a///b") == store.path("s3://my-s3-bucket/a/b")


def test_a_path_outside_the_buckets_has_no_uri(store: Store, tmp_path: Path) -> None:
    for path in (tmp_path, store.root, store.root / "my-s3-bucket", store.root / ".staging" / "x"):
        with pytest.raises(InvalidArgument, match="is in no bucket"):
            store.uri(path)


def test_a_failed_upload_is_never_seen(store: Store) -> None:
    def fail_halfway() -> None:
        with store.stage(URI) as file:
            file.write(b"half")
            file.flush()
            assert not store.exists(URI)
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        fail_halfway()
    assert not store.exists(URI)
    assert list((store.root / ".staging").iterdir()) == []


def test_the_digest_follows_the_file_whoever_writes_it(store: Store) -> None:
    store.write(URI, b"one")
    assert store.md5(URI) == hashlib.md5(b"one", usedforsecurity=False).digest()
    store.path(URI).write_bytes(b"by a task")
    assert store.md5(URI) == hashlib.md5(b"by a task", usedforsecurity=False).digest()


def test_delete_takes_objects_and_folders_but_no_bucket(store: Store) -> None:
    store.write("s3://my-s3-bucket/d/a", b"")
    store.write("s3://my-s3-bucket/d/b", b"")
    store.delete("s3://my-s3-bucket/d/a")
    store.delete("s3://my-s3-bucket/d/a")
    assert not store.exists("s3://my-s3-bucket/d/a")
    store.delete("s3://my-s3-bucket/d")
    assert not store.path("s3://my-s3-bucket/d").exists()
    with pytest.raises(InvalidArgument, match="whole bucket"):
        store.delete("s3://my-s3-bucket/")


def test_uploads_that_a_crash_left_are_removed_after_a_day(store: Store) -> None:
    fresh, stale = (store.root / ".staging" / name for name in ("fresh", "stale"))
    for path in (fresh, stale):
        path.touch()
    yesterday = time.time() - 25 * 3600
    os.utime(stale, (yesterday, yesterday))
    Store(store.root)
    assert fresh.exists()
    assert not stale.exists()


def test_one_string_maps_only_by_its_start(store: Store) -> None:
    local = f"{store.root}/my-s3-bucket/a b/ü"
    assert store.to_local("s3://my-s3-bucket/a b/ü") == local
    assert store.to_public(local) == "s3://my-s3-bucket/a b/ü"
    assert store.to_public(f"file://{local}") == "s3://my-s3-bucket/a b/ü"
    for text in ("", "s3://my-s3-bucket", "s3://my-s3-bucket-2/x", "see s3://my-s3-bucket/x"):
        assert store.to_local(text) == text
    for text in (f"{store.root}/my-s3-bucket", f"{store.root}/my-s3-bucket-2/x", f"see {local}"):
        assert store.to_public(text) == text


def test_an_uri_that_climbs_is_not_made_a_path(store: Store) -> None:
    assert store.to_local("s3://my-s3-bucket/../x") == "s3://my-s3-bucket/../x"


def test_a_state_folder_behind_a_link_is_named_by_its_real_path(tmp_path: Path) -> None:
    os.symlink(tmp_path, tmp_path.parent / f"{tmp_path.name}-link")
    store = Store(tmp_path.parent / f"{tmp_path.name}-link" / "buckets")
    assert store.folder == f"{os.path.realpath(tmp_path)}/buckets/my-s3-bucket/"
