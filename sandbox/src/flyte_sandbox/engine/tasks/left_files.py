"""Reads what a task left behind, without trusting it: the server may read more than the task may."""

from __future__ import annotations

import os
import stat
from pathlib import Path


class TooLargeError(Exception):
    """:ivar size: of the file, in bytes."""

    def __init__(self, size: int) -> None:
        super().__init__(f"{size} bytes")
        self.size = size


def read_left(path: Path, most_bytes: int) -> bytes | None:
    """:return: None when there is no plain file; a link may lead anywhere, and a pipe never ends.

    :raises TooLargeError: before anything is read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return None
        if status.st_size > most_bytes:
            raise TooLargeError(status.st_size)
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(most_bytes)
    finally:
        os.close(descriptor)
