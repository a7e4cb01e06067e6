"""The keys of a bucket in S3's order, read off its folders; linear in what is looked at.

S3 sorts keys by their bytes as a whole, so ``n0-0-n1/x`` comes before ``n0/x``: a folder sorts with the slash
that its keys go on with.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """An object or, with ``path`` None, all keys that begin alike."""

    key: str
    path: str | None


@dataclass
class Page:
    """:param next: the last entry, when there is more."""

    entries: list[Entry] = field(default_factory=list)
    next: str = ""


def list_page(bucket: Path, prefix: str, delimiter: str, after: str, limit: int) -> Page:
    """:param after: only entries that sort behind this.
    :param limit: of entries, prefixes included."""
    page = Page()
    if limit == 0:
        return page
    for entry in _entries(str(bucket), prefix, delimiter, after):
        if len(page.entries) == limit:
            page.next = page.entries[-1].key
            break
        page.entries.append(entry)
    return page


def _entries(bucket: str, prefix: str, delimiter: str, after: str) -> Iterator[Entry]:
    last = None
    folder = prefix.rpartition("/")[0]
    keys = _keys(bucket, f"{folder}/" if folder else "", prefix, _bytes(after), delimiter == "/")
    for entry in keys:
        end = entry.key.find(delimiter, len(prefix)) if delimiter else -1
        if end < 0:
            yield entry
            continue
        common = entry.key[: end + len(delimiter)]
        if common != last and _bytes(common) > _bytes(after):
            last = common
            yield Entry(common, None)


def _keys(bucket: str, folder: str, prefix: str, after: bytes, is_flat: bool) -> Iterator[Entry]:
    """:param folder: where to look, with a slash at its end unless it is the bucket itself.
    :param is_flat: name folders below the prefix instead of entering them."""
    children = _children(os.path.join(bucket, folder), folder)
    if children is None:
        return
    for key, entry in children:
        if not (key.startswith(prefix) or prefix.startswith(key)):
            continue
        if not entry.is_dir(follow_symlinks=False):
            if _bytes(key) > after and key.startswith(prefix):
                yield Entry(key, entry.path)
        elif is_flat and len(key) > len(prefix):
            yield Entry(key, None)
        elif _bytes(key) > after or after.startswith(_bytes(key)):
            yield from _keys(bucket, key, prefix, after, is_flat)
    # A folder that somebody made and nobody filled is to S3 clients an object with a slash at its end.
    if not children and folder and folder.startswith(prefix) and _bytes(folder) > after:
        yield Entry(folder, os.path.join(bucket, folder))


def _children(path: str, folder: str) -> list[tuple[str, os.DirEntry[str]]] | None:
    """:return: None for what is no folder, or none any more since its parent was read."""
    try:
        with os.scandir(path) as found:
            keys = [(f"{folder}{entry.name}{_slash(entry)}", entry) for entry in found if _is_real(entry)]
    except (FileNotFoundError, NotADirectoryError):
        return None
    return sorted(keys, key=lambda pair: _bytes(pair[0]))


def _slash(entry: os.DirEntry[str]) -> str:
    return "/" if entry.is_dir(follow_symlinks=False) else ""


def _is_real(entry: os.DirEntry[str]) -> bool:
    """A link to a folder could lead in circles; one to a file is the file."""
    return not entry.is_symlink() or entry.is_file()


def _bytes(key: str) -> bytes:
    return os.fsencode(key)
