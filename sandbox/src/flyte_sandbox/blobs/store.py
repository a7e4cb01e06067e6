"""Plain folders as buckets: which file a URI means, and reading and writing it whole or not at all.

Messages that carry URIs are ``mapping``'s; who may fetch an object over HTTP is ``signing``'s.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from flyte_sandbox.config import BUCKET
from flyte_sandbox.errors import InvalidArgument, NotFound

SCHEME = "s3://"
_STAGING = ".staging"
_STALE_SECONDS = 24 * 3600
_CHUNK_BYTES = 1 << 20
_MOVES = 3


class Store:
    """The buckets below one folder. Keeps no state of its own, so several processes may share the folder.

    An object appears under its name in one rename, complete. Writes are not flushed to the disk one
    by one: they survive the death of this process, not a power cut in the same seconds.

    :param root: each sub-folder is a bucket, but those whose names start with a dot; created when absent.
    """

    def __init__(self, root: Path) -> None:
        (root / BUCKET).mkdir(parents=True, exist_ok=True)
        self.root = root.resolve()
        self._staging = self.root / _STAGING
        self._staging.mkdir(exist_ok=True)
        self._folder = f"{self.root / BUCKET}/"
        self._remove_stale_uploads()

    @property
    def folder(self) -> str:
        """The local form of ``s3://my-s3-bucket/``: the bucket's folder and a slash."""
        return self._folder

    @property
    def staging(self) -> Path:
        """What is not yet an object; on the same file system, and in no bucket."""
        return self._staging

    @property
    def prefix(self) -> str:
        """The public form of :attr:`folder`."""
        return f"{SCHEME}{BUCKET}/"

    def path(self, uri: str) -> Path:
        """Empty parts of a key count for nothing, as in a file system.

        :raises InvalidArgument: for anything that is not ``s3://<known bucket>/<key>``, or that leads out
            of the bucket, be it by a link.
        """
        bucket, parts = self._split(uri)
        folder = os.path.join(self.root, bucket)
        path = os.path.join(folder, *parts)
        real, home = os.path.realpath(path), os.path.realpath(folder)
        if real != home and not real.startswith(home + "/"):
            raise InvalidArgument(f"invalid value for uri: [{uri}] leads out of its bucket")
        return Path(path)

    def uri(self, path: Path) -> str:
        """:raises InvalidArgument: for a path outside the buckets."""
        text = os.path.abspath(path)
        inside = text.removeprefix(f"{self.root}/")
        if inside == text or inside.startswith(".") or "/" not in inside:
            raise InvalidArgument(f"invalid value for path: [{path}] is in no bucket")
        return SCHEME + inside

    def to_local(self, text: str) -> str:
        """The path that a task sees for an URI of the bucket; any other text comes back as it is."""
        if text.startswith(self.prefix) and not _has_dots(text):
            return self._folder + text[len(self.prefix) :]
        return text

    def to_public(self, text: str) -> str:
        """The URI that a client sees for a path in the bucket; any other text comes back as it is."""
        path = text.removeprefix("file://")
        if path.startswith(self._folder):
            return self.prefix + path[len(self._folder) :]
        return text

    def _split(self, uri: str) -> tuple[str, list[str]]:
        if not uri.startswith(SCHEME):
            raise InvalidArgument(f"invalid value for uri: [{uri}] does not start with {SCHEME}")
        bucket, _, key = uri[len(SCHEME) :].partition("/")
        parts = [part for part in key.split("/") if part]
        if not bucket or bucket.startswith(".") or not os.path.isdir(os.path.join(self.root, bucket)):
            raise InvalidArgument(f"invalid value for uri: no bucket [{bucket}] for [{uri}]")
        if "\0" in uri or _has_dots(key) or any(len(os.fsencode(part)) > 255 for part in parts):
            raise InvalidArgument(f"invalid value for uri: [{uri}] is no name of an object")
        return bucket, parts

    def read(self, uri: str) -> bytes:
        """:raises NotFound: when there is no such object."""
        with self.open(uri) as file:
            return file.read()

    def open(self, uri: str) -> BinaryIO:
        """:raises NotFound: when there is no such object."""
        try:
            return self.path(uri).open("rb")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as exc:
            raise NotFound(f"object [{uri}] not found") from exc

    def exists(self, uri: str) -> bool:
        """:return: whether there is an object; a folder of objects is none."""
        return self.path(uri).is_file()

    def size(self, uri: str) -> int:
        """:raises NotFound: when there is no such object."""
        path = self.path(uri)
        if not path.is_file():
            raise NotFound(f"object [{uri}] not found")
        return path.stat().st_size

    def md5(self, uri: str) -> bytes:
        """The digest of what the object holds now, whoever wrote it; remembered until the file changes.

        :raises NotFound: when there is no such object.
        """
        with self.open(uri) as file:
            stat = os.fstat(file.fileno())
        return _md5_of(self.path(uri), stat.st_ino, stat.st_mtime_ns, stat.st_size)

    def write(self, uri: str, data: bytes) -> None:
        """Replace or create the object in one step."""
        with self.stage(uri) as file:
            file.write(data)

    @contextlib.contextmanager
    def stage(self, uri: str) -> Iterator[BinaryIO]:
        """A file that becomes the object when the block ends well, and vanishes when it does not."""
        path = self.path(uri)
        handle, name = tempfile.mkstemp(dir=self._staging)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
            _publish(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def delete(self, uri: str) -> None:
        """Remove an object or a whole folder of them; nothing happens when it is not there."""
        path = self.path(uri)
        if path == self.root / path.relative_to(self.root).parts[0]:
            raise InvalidArgument(f"invalid value for uri: [{uri}] is a whole bucket")
        _remove(path)

    def _remove_stale_uploads(self) -> None:
        # Another process may be uploading right now; only what a crash left long ago goes.
        for leftover in self._staging.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if time.time() - leftover.stat().st_mtime > _STALE_SECONDS:
                    _remove(leftover)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _has_dots(key: str) -> bool:
    return "." in key and any(part in (".", "..") for part in key.split("/"))


def _publish(staged: str, path: Path) -> None:
    os.chmod(staged, 0o644)  # mkstemp's 0600 would hide it from tasks that run as another user
    try:
        _move(staged, path)
    except (IsADirectoryError, NotADirectoryError, FileExistsError) as exc:
        raise InvalidArgument(
            f"invalid value for uri: [{path}] is a folder, or a part of it is an object"
        ) from exc


def _move(staged: str, path: Path) -> None:
    for _ in range(_MOVES):
        try:
            os.replace(staged, path)
            return
        except FileNotFoundError:  # no such folder yet, or one that S3 has just removed with its last object
            path.parent.mkdir(parents=True, exist_ok=True)
    os.replace(staged, path)


@functools.lru_cache(maxsize=4096)
def _md5_of(path: Path, _inode: int, _mtime_ns: int, _size: int) -> bytes:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.digest()
