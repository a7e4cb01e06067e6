"""The archive of source code that Flyte hands to every task (fast registration).

The same sources give the same bytes, so the archive keeps its address and a repeat changes nothing.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath


def write_archive(root: Path, sources: Iterable[PurePosixPath], archive: Path) -> None:
    """Write the sources as ``.tar.gz``, which is what ``pyflyte-fast-execute`` unpacks.

    :param sources: relative to ``root``, in a fixed order.
    """
    with (
        archive.open("wb") as file,
        gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in sources:
            _add(tar, path, (root / path).read_bytes())


def _add(tar: tarfile.TarFile, path: PurePosixPath, content: bytes) -> None:
    """Add a file without owner, time and mode, which differ from machine to machine."""
    member = tarfile.TarInfo(str(path))
    member.size = len(content)
    member.mode = 0o644
    tar.addfile(member, io.BytesIO(content))
