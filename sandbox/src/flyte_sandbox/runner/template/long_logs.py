"""Keeps a log from filling the disk: the middle of one that gets too long is left out, and it says so.

The process goes on writing meanwhile: it appends, so it need not know.
"""

from __future__ import annotations

import contextlib
import os

MOST_BYTES = 64 << 20
NOTE = b"\n[the middle of this log was left out here: it got too long]\n"
_HEAD_BYTES = 1 << 20
_TAIL_BYTES = 8 << 20


def cut(path: str, most_bytes: int = MOST_BYTES) -> None:
    """Nothing happens to one that is short enough, or gone."""
    with contextlib.suppress(OSError):
        if os.stat(path).st_size > most_bytes:
            _leave_out_middle(path)


def _leave_out_middle(path: str) -> None:
    """What is written between the reading and the appending may be lost or come before the note."""
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW)
    with open(descriptor, "r+b", buffering=0) as file:
        size = os.fstat(descriptor).st_size
        tail = os.pread(descriptor, _TAIL_BYTES, size - _TAIL_BYTES)
        file.truncate(_HEAD_BYTES)
        file.write(NOTE + tail)
