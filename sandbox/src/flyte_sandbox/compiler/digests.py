"""Hashes of messages: equal content gives equal hashes, whatever the order of maps was.

The bytes are ours: flyteadmin's digests never leave the server, so only "same or different" has to agree.
Source: flyteadmin pkg/manager/impl/util/digests.go, flyteplugins pluginmachinery/catalog/hashing.go.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection
from typing import TypeVar

from flyteidl.core import interface_pb2, literals_pb2
from google.protobuf.message import Message

from flyte_sandbox.compiler.stripping import strip_variable_map

M = TypeVar("M", bound=Message)


def structural_digest(*messages: Message) -> bytes:
    """:return: 32 bytes; fields that this flyteidl does not know do not count, as in flyteadmin."""
    digest = hashlib.sha256()
    for message in messages:
        content = _copy(message)
        content.DiscardUnknownFields()
        packed = content.SerializeToString(deterministic=True)
        digest.update(len(packed).to_bytes(8, "big") + packed)
    return digest.digest()


def literal_map_hash(literals: literals_pb2.LiteralMap, ignore: Collection[str] = ()) -> str:
    """Hash of a task's inputs for the cache.

    :param ignore: ``cache_ignore_input_vars`` of the task.
    :return: base64url without padding. A literal that carries a ``hash`` counts as that hash alone.
    """
    kept = {name: _hash_only(literal) for name, literal in literals.literals.items() if name not in ignore}
    return _text(structural_digest(literals_pb2.LiteralMap(literals=kept)))


def interface_hash(variables: interface_pb2.VariableMap) -> str:
    """Hash of the inputs or outputs of an interface, without descriptions and type metadata.

    :return: base64url without padding; Flyte uses its first eight characters.
    """
    return _text(structural_digest(strip_variable_map(variables)))


def _hash_only(literal: literals_pb2.Literal) -> literals_pb2.Literal:
    if literal.hash:
        return literals_pb2.Literal(hash=literal.hash)
    kind = literal.WhichOneof("value")
    if kind == "collection":
        items = [_hash_only(item) for item in literal.collection.literals]
        return literals_pb2.Literal(collection=literals_pb2.LiteralCollection(literals=items))
    if kind == "map":
        entries = {name: _hash_only(item) for name, item in literal.map.literals.items()}
        return literals_pb2.Literal(map=literals_pb2.LiteralMap(literals=entries))
    return literal


def _text(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _copy(message: M) -> M:
    fresh = type(message)()
    fresh.CopyFrom(message)
    return fresh
