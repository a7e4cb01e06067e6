"""What counts as source code, and what the version follows from."""

from __future__ import annotations

import hashlib
import os
import tarfile
from pathlib import Path, PurePosixPath

import pytest

from airflyte.registration.archive import write_archive
from airflyte.registration.sources import compute_version, find_sources, name_modules

NO_SOURCES = (
    "README.md",
    "shop/notes.md",
    "tests/test_orders.py",
    "shop/tests/orders.py",
    "shop/test_prices.py",
    "shop/conftest.py",
    "shop/data/more.csv",
    "shop/__pycache__/orders.cpython-311.pyc",
    "shop/.orders.py.swp",
    ".venv/lib/module.py",
)


def version_of(root: Path, **more: bytes) -> str:
    return compute_version(root, find_sources(root), more)


def write(root: Path, name: str, content: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(content)


@pytest.mark.parametrize("name", NO_SOURCES)
def test_tests_data_documents_and_hidden_files_are_no_sources(source_root: Path, name: str) -> None:
    before, version = find_sources(source_root), version_of(source_root)
    write(source_root, name, "something else")
    assert find_sources(source_root) == before
    assert version_of(source_root) == version


def test_content_name_and_what_else_matters_make_the_version(source_root: Path) -> None:
    versions = [version_of(source_root)]
    versions.append(version_of(source_root, lock=b"flytekit==1.16.31"))
    write(source_root, "shop/prices.py", "VAT = 0\n")
    versions.append(version_of(source_root))
    (source_root / "shop/prices.py").rename(source_root / "shop/prizes.py")
    versions.append(version_of(source_root))
    write(source_root, "shop/template.sql", "select 1")
    versions.append(version_of(source_root))
    assert len(set(versions)) == len(versions)
    assert all(version.startswith("v") and len(version) == 11 for version in versions)


def test_the_version_does_not_depend_on_where_the_checkout_is(source_root: Path) -> None:
    version = version_of(source_root)
    moved = source_root.rename(source_root.with_name("air flyte ü"))
    os.utime(moved / "shop/orders.py", (0, 0))
    assert version_of(moved) == version


def test_modules_are_named_by_their_path(source_root: Path) -> None:
    assert name_modules(source_root, find_sources(source_root)) == ["shop", "shop.orders", "shop.prices"]


def test_the_same_sources_give_the_same_archive(source_root: Path, tmp_path: Path) -> None:
    sources = find_sources(source_root)
    digests = set()
    for name in ("first.tar.gz", "second.tar.gz"):
        os.utime(source_root / "shop/orders.py", (len(digests), len(digests)))
        (source_root / "shop/orders.py").chmod(0o600 + len(digests))
        write_archive(source_root, sources, tmp_path / name)
        digests.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert len(digests) == 1


def test_the_archive_unpacks_to_the_sources(source_root: Path, tmp_path: Path) -> None:
    write(source_root, "shop/größe.txt", "ü")
    write(source_root, f"shop/{'long' * 40}.txt", "a name of more than 100 bytes")
    sources = find_sources(source_root)
    write_archive(source_root, sources, tmp_path / "archive.tar.gz")
    with tarfile.open(tmp_path / "archive.tar.gz") as tar:
        tar.extractall(tmp_path / "unpacked")  # noqa: S202 - made two lines above
    for path in sources:
        assert (tmp_path / "unpacked" / path).read_bytes() == (source_root / path).read_bytes()
    assert PurePosixPath("shop/größe.txt") in sources
