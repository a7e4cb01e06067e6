"""A literal in a file of its own is public in the bucket, and local for a task."""

from __future__ import annotations

from pathlib import Path

import pytest
from flyteidl.core import literals_pb2
from google.protobuf.message import DecodeError

from flyte_sandbox.blobs.offloading import bring_home, lay_out
from flyte_sandbox.blobs.store import Store

HOME = "s3://my-s3-bucket/raw/ab/a1-n0-0/offloaded"
FILE = "s3://my-s3-bucket/raw/file"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "buckets")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "attempt" / "outputs"
    folder.mkdir(parents=True)
    return folder


def blob(uri: str) -> literals_pb2.Literal:
    return literals_pb2.Literal(scalar=literals_pb2.Scalar(blob=literals_pb2.Blob(uri=uri)))


def offloaded(place: object) -> literals_pb2.Literal:
    metadata = literals_pb2.LiteralOffloadedMetadata(uri=str(place), size_bytes=7)
    return literals_pb2.Literal(offloaded_metadata=metadata, hash="h")


def read(uri: str, store: Store) -> literals_pb2.Literal:
    return literals_pb2.Literal.FromString(store.read(uri))


def test_what_lies_beside_the_outputs_comes_home_with_uris_in_it(folder: Path, store: Store) -> None:
    path = folder / "o0_offloaded_metadata.pb"
    path.write_bytes(blob(store.to_local(FILE)).SerializeToString())
    for _ in range(2):
        outputs = literals_pb2.LiteralMap(literals={"o0": offloaded(path), "o1": blob(FILE)})
        bring_home(outputs, folder, HOME, store)
        uri = outputs.literals["o0"].offloaded_metadata.uri
        assert uri == f"{HOME}/o0_offloaded_metadata.pb"
        assert outputs.literals["o0"].offloaded_metadata.size_bytes == 7
        assert read(uri, store) == blob(FILE)


def test_what_lies_elsewhere_stays_there(folder: Path, store: Store, tmp_path: Path) -> None:
    places = (tmp_path / "secret", folder / ".." / "secret", folder / "sub" / "x", FILE, "relative")
    outputs = literals_pb2.LiteralMap(literals={str(place): offloaded(place) for place in places})
    before = outputs.SerializeToString(deterministic=True)
    bring_home(outputs, folder, HOME, store)
    assert outputs.SerializeToString(deterministic=True) == before


def test_a_link_is_not_followed(folder: Path, store: Store, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(blob("secret").SerializeToString())
    (folder / "link.pb").symlink_to(tmp_path / "secret")
    with pytest.raises(OSError, match="symbolic link"):
        bring_home(
            literals_pb2.LiteralMap(literals={"x": offloaded(folder / "link.pb")}), folder, HOME, store
        )


def test_what_is_missing_or_no_literal_is_said(folder: Path, store: Store) -> None:
    outputs = literals_pb2.LiteralMap(literals={"x": offloaded(folder / "x.pb")})
    with pytest.raises(FileNotFoundError):
        bring_home(outputs, folder, HOME, store)
    (folder / "x.pb").write_bytes(b"\xff")
    with pytest.raises(DecodeError):
        bring_home(outputs, folder, HOME, store)


def test_a_task_gets_a_file_with_paths_in_it(folder: Path, store: Store) -> None:
    store.write(f"{HOME}/x.pb", blob(FILE).SerializeToString())
    literal = offloaded(store.to_local(f"{HOME}/x.pb"))
    inner = literals_pb2.Literal(collection=literals_pb2.LiteralCollection(literals=[literal]))
    inner = literals_pb2.Literal(map=literals_pb2.LiteralMap(literals={"k": inner}))
    inner = literals_pb2.Literal(scalar=literals_pb2.Scalar(union=literals_pb2.Union(value=inner)))
    inputs = literals_pb2.LiteralMap(literals={"x": inner})
    local = lay_out(inputs, folder / "offloaded", store)
    found = local.literals["x"].scalar.union.value.map.literals["k"].collection.literals[0]
    path = Path(found.offloaded_metadata.uri)
    assert path.parent == folder / "offloaded"
    assert literals_pb2.Literal.FromString(path.read_bytes()) == blob(store.to_local(FILE))
    assert lay_out(inputs, folder / "offloaded", store) == local, "safe to repeat"
    assert inputs.literals["x"] == inner, "what a row holds is not changed"


def test_what_names_nothing_of_the_bucket_stays_where_it_is(folder: Path, store: Store) -> None:
    store.write(f"{HOME}/x.pb", blob("s3://elsewhere/x").SerializeToString())
    store.write(f"{HOME}/broken.pb", b"\xff")
    places = (f"{HOME}/x.pb", f"{HOME}/broken.pb", f"{HOME}/missing.pb")
    places = (*(store.to_local(place) for place in places), "s3://elsewhere/y", "/etc/hostname", "")
    inputs = literals_pb2.LiteralMap(literals={str(i): offloaded(place) for i, place in enumerate(places)})
    assert lay_out(inputs, folder / "offloaded", store) == inputs
    assert not (folder / "offloaded").exists()
    plain = literals_pb2.LiteralMap(literals={"x": blob(FILE)})
    assert lay_out(plain, folder, store) is plain
