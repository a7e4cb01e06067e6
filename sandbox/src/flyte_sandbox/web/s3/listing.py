"""The keys of a bucket in S3's order, read off its folders; linear in what is listed.

S3 sorts keys by their bytes as a whole, so ``n0-0-n1/x`` comes before ``n0/x``: a folder sorts with the slash
that its keys go on with. A list comes page by page, and each page has to find its place again: a folder that
nothing has changed for a while is not read and sorted anew for each.
"""

from __future__ import annotations

import bisect
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_SETTLED_SECONDS = 2.0
"""Longer than the coarsest clock of a file system that we run on: what comes later has another time.

The time is that of the last change of the folder itself (ctime), which nobody can set back.
"""

_LARGE = 100
_REMEMBERED_FOLDERS = 32


@dataclass(frozen=True)
class _Child:
    """:param key: with a slash at its end when it is a folder."""

    key: str
    path: str
    is_folder: bool


_remembered: dict[str, tuple[int, tuple[_Child, ...]]] = {}
"""By path: when a large folder last changed, and what is in it; the oldest are forgotten."""

_remembering = threading.Lock()


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
    for child in _from(children, max(after, _bytes(prefix))):
        key = child.key
        if not (key.startswith(prefix) or prefix.startswith(key)):
            if _bytes(key) > _bytes(prefix):
                break
            continue
        if not child.is_folder:
            if _bytes(key) > after and key.startswith(prefix):
                yield Entry(key, child.path)
        elif is_flat and len(key) > len(prefix):
            yield Entry(key, None)
        elif _bytes(key) > after or after.startswith(_bytes(key)):
            yield from _keys(bucket, key, prefix, after, is_flat)
    # A folder that somebody made and nobody filled is to S3 clients an object with a slash at its end.
    if not children and folder and folder.startswith(prefix) and _bytes(folder) > after:
        yield Entry(folder, os.path.join(bucket, folder))


def _from(children: tuple[_Child, ...], start: bytes) -> Iterator[_Child]:
    """From the last one that does not sort behind ``start``: it may be the folder in which ``start`` lies."""
    first = bisect.bisect_right(children, start, key=lambda child: _bytes(child.key)) - 1
    for index in range(max(first, 0), len(children)):
        yield children[index]


def _children(path: str, folder: str) -> tuple[_Child, ...] | None:
    """:return: in S3's order; None for what is no folder, or none any more since its parent was read."""
    try:
        changed_ns = os.stat(path).st_ctime_ns
        known_ns, known = _remembered.get(path, (0, ()))
        if known_ns == changed_ns:
            return known
        children = _read(path, folder)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if len(children) >= _LARGE and time.time_ns() - changed_ns > _SETTLED_SECONDS * 1e9:
        _remember(path, changed_ns, children)
    return children


def _remember(path: str, changed_ns: int, children: tuple[_Child, ...]) -> None:
    with _remembering:
        _remembered.pop(path, None)
        _remembered[path] = changed_ns, children
        while len(_remembered) > _REMEMBERED_FOLDERS:
            del _remembered[next(iter(_remembered))]


def _read(path: str, folder: str) -> tuple[_Child, ...]:
    with os.scandir(path) as found:
        children = [_child(folder, entry) for entry in found if _is_real(entry)]
    return tuple(sorted(children, key=lambda child: _bytes(child.key)))


def _child(folder: str, entry: os.DirEntry[str]) -> _Child:
    is_folder = entry.is_dir(follow_symlinks=False)
    return _Child(f"{folder}{entry.name}{'/' if is_folder else ''}", entry.path, is_folder)


def _is_real(entry: os.DirEntry[str]) -> bool:
    """A link to a folder could lead in circles; one to a file is the file."""
    return not entry.is_symlink() or entry.is_file()


def _bytes(key: str) -> bytes:
    return os.fsencode(key)
