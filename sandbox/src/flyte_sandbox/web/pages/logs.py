"""The log of one attempt, as text that can be followed from where one has read to."""

from __future__ import annotations

import asyncio
import codecs
import os
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from flyteidl.core import identifier_pb2

from flyte_sandbox.errors import NotFound

Logs: TypeAlias = Callable[[identifier_pb2.WorkflowExecutionIdentifier, str, int], Path | None]
"""Execution, node id and attempt (from 0) to where its log lies; None while there is none. May block."""

MAX_PIECE_BYTES = 256 * 1024

# Colours, moved cursors and window titles.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")


@dataclass(frozen=True)
class Piece:
    """:param cursor: where the next piece starts, in bytes of the file.

    :param is_cut: there is more of the file before this piece than its reader asked for.
    """

    text: str
    cursor: int
    is_cut: bool = False


async def find(logs: Logs, id: identifier_pb2.NodeExecutionIdentifier, attempt: int) -> Path:
    """:raises NotFound: when there is no such log."""
    path = await asyncio.to_thread(_existing, logs, id, attempt)
    if path is None:
        raise NotFound(
            f"no log of attempt {attempt} of node [{id.node_id}] of [{id.execution_id.name}] (yet)"
        )
    return path


def _existing(logs: Logs, id: identifier_pb2.NodeExecutionIdentifier, attempt: int) -> Path | None:
    path = logs(id.execution_id, id.node_id, attempt)
    return path if path is not None and path.is_file() else None


def read_piece(path: Path, cursor: int) -> Piece:
    """What the file holds from ``cursor`` on, up to a limit; a line or a letter is not torn.

    :raises NotFound: when the file is gone.
    """
    try:
        with path.open("rb") as file:
            if cursor > os.fstat(file.fileno()).st_size:
                return read_tail(path)  # its middle was left out, because it got too long
            file.seek(cursor)
            data = file.read(MAX_PIECE_BYTES)
    except FileNotFoundError as exc:
        raise NotFound(f"the log {path.name} is gone") from exc
    data = _whole(data)
    return Piece(_ESCAPES.sub("", data.decode(errors="replace")), cursor + len(data))


def read_tail(path: Path) -> Piece:
    """The last piece of the file.

    :raises NotFound: when the file is gone.
    """
    try:
        size = path.stat().st_size
    except FileNotFoundError as exc:
        raise NotFound(f"the log {path.name} is gone") from exc
    start = max(0, size - MAX_PIECE_BYTES)
    piece = read_piece(path, start)
    if start == 0:
        return piece
    return Piece(piece.text.partition("\n")[2] or piece.text, piece.cursor, is_cut=True)


async def stream(path: Path) -> AsyncIterator[bytes]:
    """The file as it is, up to where it ended when we began; a running task may add to it meanwhile."""
    with await asyncio.to_thread(path.open, "rb") as file:
        left = os.fstat(file.fileno()).st_size
        while left > 0 and (piece := await asyncio.to_thread(file.read, min(left, MAX_PIECE_BYTES))):
            left -= len(piece)
            yield piece


def _whole(data: bytes) -> bytes:
    if len(data) == MAX_PIECE_BYTES and b"\n" in data:
        return data[: data.rindex(b"\n") + 1]
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    decoder.decode(data)
    torn = len(decoder.getstate()[0])
    return data[: len(data) - torn] if torn else data
