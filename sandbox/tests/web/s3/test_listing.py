"""Lists have S3's order and lose nothing, however they are cut, and take the time that their length takes."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyte_sandbox.web.s3 import listing
from flyte_sandbox.web.s3.listing import list_page

BUCKET = "my-s3-bucket"

names = st.text(alphabet="ab0-./!~ü", min_size=1, max_size=3).filter(lambda name: "/" not in name)
names = names.filter(lambda name: name not in (".", ".."))
paths = st.lists(names, min_size=1, max_size=3).map("/".join)


def _fitting(keys: set[str]) -> list[str]:
    """Those that folders can hold beside each other."""
    return [key for key in keys if not any(other.startswith(f"{key}/") for other in keys)]


def _make(keys: list[str]) -> Path:
    bucket = Path(tempfile.mkdtemp())
    for key in keys:
        (bucket / key).parent.mkdir(parents=True, exist_ok=True)
        (bucket / key).touch()
    return bucket


def _model(keys: list[str], prefix: str, delimiter: str, after: str) -> list[str]:
    found = []
    for key in sorted(keys, key=os.fsencode):
        if not key.startswith(prefix):
            continue
        end = key.find(delimiter, len(prefix)) if delimiter else -1
        entry = key if end < 0 else key[: end + len(delimiter)]
        if os.fsencode(entry) > os.fsencode(after) and entry not in found:
            found.append(entry)
    return found


@settings(max_examples=150, deadline=None)
@given(
    st.sets(paths, max_size=12).map(_fitting),
    st.one_of(st.just(""), paths, paths.map(lambda path: path + "/")),
    st.sampled_from(["", "/", "-", "a"]),
    st.one_of(st.just(""), paths),
    st.integers(1, 4),
)
def test_pages_put_together_are_the_list(
    keys: list[str], prefix: str, delimiter: str, after: str, limit: int
) -> None:
    bucket, found, last = _make(keys), [], after
    while True:
        page = list_page(bucket, prefix, delimiter, last, limit)
        found += [entry.key for entry in page.entries]
        last = page.next
        if not last:
            break
    assert found == _model(keys, prefix, delimiter, after)


@pytest.mark.parametrize("operation", ["list_objects_v2", "list_objects"])
@pytest.mark.parametrize("delimiter", ["", "/"])
def test_boto3_reads_long_lists_page_by_page(s3: Any, served: Any, operation: str, delimiter: str) -> None:
    for folder in ("n0", "n0-0-n1", "n0.x"):
        (served.bucket / "run" / folder).mkdir(parents=True)
        for number in range(5):
            (served.bucket / "run" / folder / f"{number}").touch()
    pages = s3.get_paginator(operation).paginate(
        Bucket=BUCKET, Prefix="run/", Delimiter=delimiter, PaginationConfig={"PageSize": 2}
    )
    found = [
        entry.get("Key") or entry["Prefix"]
        for page in pages
        for entry in (*page.get("Contents", []), *page.get("CommonPrefixes", []))
    ]
    if delimiter:
        assert found == ["run/n0-0-n1/", "run/n0.x/", "run/n0/"]
    else:
        assert found == [f"run/{folder}/{n}" for folder in ("n0-0-n1", "n0.x", "n0") for n in range(5)]


def test_an_empty_bucket_has_an_empty_list(s3: Any) -> None:
    answer = s3.list_objects_v2(Bucket=BUCKET)
    assert (answer["KeyCount"], answer["IsTruncated"]) == (0, False)
    assert "Contents" not in answer
    assert s3.list_objects_v2(Bucket=BUCKET, MaxKeys=0)["IsTruncated"] is False


def test_uploads_under_way_are_in_no_list(s3: Any) -> None:
    s3.create_multipart_upload(Bucket=BUCKET, Key="m")
    assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == [BUCKET]


def test_a_link_in_a_circle_ends_no_list(s3: Any, served: Any) -> None:
    (served.bucket / "d").mkdir()
    (served.bucket / "d" / "x").touch()
    os.symlink("..", served.bucket / "d" / "up")
    os.symlink("nowhere", served.bucket / "d" / "broken")
    assert [found["Key"] for found in s3.list_objects_v2(Bucket=BUCKET)["Contents"]] == ["d/x"]


def _fill(bucket: Path, executions: int) -> None:
    for number in range(executions):
        folder = (
            bucket / "metadata" / "propeller" / f"flytesnacks-development-a{number:05}" / "n0" / "data" / "0"
        )
        folder.mkdir(parents=True)
        for path in (folder / "outputs.pb", folder / "deck.html", folder.parent / "inputs.pb"):
            path.touch()


def _list_all(bucket: Path) -> list[str]:
    found, after = [], ""
    while True:
        page = list_page(bucket, "metadata/", "", after, 1000)
        found += [entry.key for entry in page.entries]
        after = page.next
        if not after:
            return found


class Looks:
    """Counts what is read of folders."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folders = self.names = 0
        self._scandir = os.scandir
        monkeypatch.setattr(listing.os, "scandir", self)

    def __call__(self, path: str) -> Any:
        self.folders += 1
        found = list(self._scandir(path))
        self.names += len(found)
        return contextlib.nullcontext(found)


def _cost(bucket: Path, monkeypatch: pytest.MonkeyPatch) -> Looks:
    with monkeypatch.context() as patch:
        looks = Looks(patch)
        assert len(_list_all(bucket)) == 3 * len(list((bucket / "metadata" / "propeller").iterdir()))
    return looks


def test_a_list_costs_what_its_length_costs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An execution has four folders and seven names; each page finds its way again through a few of them."""
    monkeypatch.setattr(listing, "_SETTLED_SECONDS", 0)
    for executions in (500, 2000):
        bucket = tmp_path / str(executions)
        bucket.mkdir()
        _fill(bucket, executions)
        looks = _cost(bucket, monkeypatch)
        pages = 3 * executions // 1000 + 1
        assert looks.folders <= 4 * executions + 8 * pages
        assert looks.names <= 7 * executions + 16 * pages


def test_what_is_written_after_a_page_was_read_is_on_the_next(tmp_path: Path) -> None:
    """... whether the folder had been left alone for a while or not."""
    folder = tmp_path / "metadata"
    folder.mkdir()
    for number in range(50):
        (folder / f"{number:03}").touch()
        assert len(_list_all(tmp_path)) == number + 1


def test_a_settled_folder_is_read_again_after_a_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "metadata").mkdir()
    (tmp_path / "metadata" / "a").touch()
    monkeypatch.setattr(listing, "_SETTLED_SECONDS", -1)
    monkeypatch.setattr(listing, "_LARGE", 1)
    assert _list_all(tmp_path) == ["metadata/a"]
    listing_then = os.stat(tmp_path / "metadata")
    eventually_another_tick(tmp_path)
    (tmp_path / "metadata" / "b").touch()
    os.utime(tmp_path / "metadata", ns=(listing_then.st_atime_ns, listing_then.st_mtime_ns))
    assert _list_all(tmp_path) == ["metadata/a", "metadata/b"]


def eventually_another_tick(folder: Path) -> None:
    """Until the file system's clock has moved on."""
    probe = folder / "probe"
    probe.touch()
    first = probe.stat().st_ctime_ns
    while probe.stat().st_ctime_ns == first:
        probe.touch()
