"""Lists have S3's order and lose nothing, however they are cut, and take the time that their length takes."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


def _seconds_to_list(bucket: Path) -> float:
    """The best of three, because other work on the machine only ever adds."""
    taken = []
    for _ in range(3):
        started, after, count = time.perf_counter(), "", 0
        while True:
            page = list_page(bucket, "metadata/", "", after, 1000)
            count += len(page.entries)
            after = page.next
            if not after:
                break
        taken.append(time.perf_counter() - started)
    return min(taken)


def test_a_thousand_executions_are_listed_in_half_a_second(tmp_path: Path) -> None:
    _fill(tmp_path, 1000)
    assert _seconds_to_list(tmp_path) <= 0.5
