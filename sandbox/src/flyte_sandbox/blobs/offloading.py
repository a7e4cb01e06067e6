"""Literals too large for the message that they belong to, which lie in files of their own.

A task writes such a file beside its outputs, with paths of this machine in it; in the bucket it lies with
URIs, as everything there. Off unless a task's environment asks for it.
Source: flytekit bin/entrypoint.py (``_F_L_MIN_SIZE_MB``).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flyteidl.core import literals_pb2
from google.protobuf.message import DecodeError

from flyte_sandbox.blobs.mapping import localise, publicise
from flyte_sandbox.blobs.store import Store
from flyte_sandbox.errors import InvalidArgument, NotFound

_SUFFIX = ".pb"


def bring_home(outputs: literals_pb2.LiteralMap, folder: Path, home: str, store: Store) -> None:
    """Moves what the task laid beside its outputs into the bucket, and names it there. Safe to repeat.

    :param outputs: changed in place.
    :param folder: right in which the task wrote its outputs; a file elsewhere is left where it is.
    :param home: an URI, below which nobody else writes.
    :raises OSError: when a file is not there.
    :raises DecodeError: when it holds no literal.
    """
    for metadata in _offloaded(outputs):
        path = Path(metadata.uri)
        if path.parent == folder:
            literal = publicise(literals_pb2.Literal.FromString(_read_own(path)), store)
            metadata.uri = f"{home.rstrip('/')}/{path.name}"
            store.write(metadata.uri, literal.SerializeToString())


def lay_out(inputs: literals_pb2.LiteralMap, folder: Path, store: Store) -> literals_pb2.LiteralMap:
    """What a task gets instead: files in its own folder that name paths, for those that name URIs.

    :param inputs: as :func:`~flyte_sandbox.blobs.mapping.localise` made them.
    :return: ``inputs`` itself when nothing has to be laid out.
    """
    if not any(True for _ in _offloaded(inputs)):
        return inputs
    copy = literals_pb2.LiteralMap()
    copy.CopyFrom(inputs)
    for metadata in _offloaded(copy):
        literal = _read(metadata.uri, store)
        local = localise(literal, store) if literal else None
        if local is not None and local is not literal:
            metadata.uri = str(_write(local, folder))
    return copy


def _read_own(path: Path) -> bytes:
    """Not through a link: what a task may not read, it shall not have read for it."""
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        return file.read()


def _read(place: str, store: Store) -> literals_pb2.Literal | None:
    """:return: None for what is not ours, not there, or no literal: the task will say so better than we."""
    try:
        return literals_pb2.Literal.FromString(store.read(store.to_public(place)))
    except (InvalidArgument, NotFound, DecodeError):
        return None


def _write(literal: literals_pb2.Literal, folder: Path) -> Path:
    data = literal.SerializeToString(deterministic=True)
    path = folder / f"{hashlib.sha256(data).hexdigest()[:16]}{_SUFFIX}"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def _offloaded(literals: Any) -> Iterator[literals_pb2.LiteralOffloadedMetadata]:
    """:param literals: a LiteralMap."""
    waiting = list(literals.literals.values())
    while waiting:
        literal = waiting.pop()
        which = literal.WhichOneof("value")
        if which == "offloaded_metadata":
            yield literal.offloaded_metadata
        elif which == "collection":
            waiting += literal.collection.literals
        elif which == "map":
            waiting += literal.map.literals.values()
        elif which == "scalar" and literal.scalar.HasField("union"):
            waiting.append(literal.scalar.union.value)
