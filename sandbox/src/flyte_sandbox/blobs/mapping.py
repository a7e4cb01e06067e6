"""Clients see ``s3://my-s3-bucket/…``, tasks see paths into the bucket's folder: the maps between the two.

They walk any message (LiteralMap, Literal, DynamicJobSpec, ErrorDocument …) and look at every string in it,
so no field can be forgotten; what is treated differently from the rest stands in ``_Walk.rule_for``. A string
is mapped only if it starts with the bucket's folder and a slash (or with the bucket's URI and a slash).
Running text, such as an error's message or a deck, has the folder replaced wherever a path starts.

The way in leaves plain strings and the keys of maps alone, because on a cluster a ``str`` that holds an URI
is an URI; the way out maps them too, because a path of this machine means nothing to a client. Hashes never
change. Offloaded literals lie in files of their own: who reads such a file maps it like any other Literal.
"""

from __future__ import annotations

import functools
import html
import json
import re
from collections.abc import Callable, MutableMapping
from typing import Any, TypeVar, cast
from urllib.parse import quote

import msgpack
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from flyte_sandbox.blobs.store import Store

M = TypeVar("M", bound=Message)
MapText = Callable[[str], str]

_HASH = "flyteidl.core.Literal.hash"
_PLAIN = "flyteidl.core.Primitive.string_value"
_BINARY = "flyteidl.core.Binary"
_RUNNING_TEXT = frozenset({"flyteidl.core.ContainerError.message", "flyteidl.core.ExecutionError.message"})


def localise(message: M, store: Store) -> M:
    """What a task gets instead of ``message``.

    :return: ``message`` itself when it holds nothing of the bucket, else a changed copy.
    """
    if store.prefix.encode() not in message.SerializeToString():
        return message
    return _Inward(store).mapped(message)


def publicise(message: M, store: Store) -> M:
    """What a client may see, and a row may hold, of a message that comes from a task.

    :return: ``message`` itself when it holds nothing of the folder, else a changed copy.
    """
    raw = message.SerializeToString()
    if not any(spelling.encode() in raw for spelling in _spellings(store.folder)):
        return message
    return _Outward(store).mapped(message)


def publicise_text(text: str, store: Store) -> str:
    """Running text of a task (an error's message): the folder is replaced wherever a path starts."""
    return _path_start(store.folder).sub(lambda _: store.prefix, text)


def publicise_html(data: bytes, store: Store) -> bytes:
    """A deck, byte for byte but for the paths in it; what is no UTF-8 passes unharmed."""
    return publicise_text(data.decode(errors="surrogateescape"), store).encode(errors="surrogateescape")


def leave_out_html(data: bytes, folder: str) -> bytes:
    """A deck in which what lies in ``folder`` is named as seen from there.

    :param folder: absolute; ends in a slash.
    """
    for form in _spellings(folder):
        data = data.replace(form.encode(), b"")
    return data


class _Walk:
    """Changes strings of a message in place; the two directions say which and how."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def text(self, text: str) -> str:
        raise NotImplementedError

    def plain(self, text: str) -> str:
        raise NotImplementedError

    def running_text(self, text: str) -> str:
        raise NotImplementedError

    def mapped(self, message: M) -> M:
        copy = type(message)()
        copy.CopyFrom(message)
        self.walk(copy)
        return copy

    def walk(self, message: Message) -> None:
        if message.DESCRIPTOR.full_name == _BINARY:
            self.binary(message)
            return
        for field, value in message.ListFields():
            if field.type == FieldDescriptor.TYPE_MESSAGE:
                self.messages(value)
            elif field.type == FieldDescriptor.TYPE_STRING:
                self.strings(message, field, value)

    def messages(self, value: Any) -> None:
        if isinstance(value, Message):
            self.walk(value)
        elif isinstance(value, MutableMapping):
            self.entries(value)
        else:
            for item in value:
                self.walk(item)

    def strings(self, message: Message, field: FieldDescriptor, value: Any) -> None:
        change = self.rule_for(field.full_name)
        if isinstance(value, str):
            setattr(message, field.name, change(value))
        else:
            value[:] = [change(item) for item in value]

    def rule_for(self, full_name: str) -> MapText:
        if full_name == _HASH:
            return str
        if full_name == _PLAIN:
            return self.plain
        return self.running_text if full_name in _RUNNING_TEXT else self.text

    def entries(self, entries: MutableMapping[Any, Any]) -> None:
        for key, value in list(entries.items()):
            if isinstance(value, Message):
                self.walk(value)
            elif isinstance(value, str):
                entries[key] = self.text(value)
            if isinstance(key, str):
                self.rename(entries, key)

    def rename(self, entries: Any, key: str) -> None:
        renamed = self.plain(key)
        if renamed == key or renamed in entries:  # two keys never become one
            return
        if isinstance(entries[key], Message):
            entries[renamed].CopyFrom(entries[key])
        else:
            entries[renamed] = entries[key]
        del entries[key]

    def binary(self, message: Any) -> None:
        codec = _CODECS.get(message.tag)
        if codec is None:
            return
        decode, encode = codec
        try:
            value = decode(message.value)
        except (ValueError, RecursionError):  # not what its tag says: nothing of ours to read in it
            return
        changed = self.payload(value)
        if changed != value:
            message.value = encode(changed)

    def payload(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.payload(item) for item in value]
        if isinstance(value, dict):
            return self.payload_map(value)
        return value

    def payload_map(self, value: dict[Any, Any]) -> dict[Any, Any]:
        changed = {}
        for key, item in value.items():
            renamed = self.plain(key) if isinstance(key, str) else key
            changed[key if renamed in value else renamed] = self.payload(item)
        return changed


class _Inward(_Walk):
    def text(self, text: str) -> str:
        return self.store.to_local(text)

    def plain(self, text: str) -> str:
        return text

    def running_text(self, text: str) -> str:
        return text


class _Outward(_Walk):
    def text(self, text: str) -> str:
        return self.json_text(text) if text[:1] in ("{", "[") else self.store.to_public(text)

    plain = text

    def running_text(self, text: str) -> str:
        return publicise_text(text, self.store)

    def json_text(self, text: str) -> str:
        """A string that is JSON keeps its spelling, but for the strings in it that start with the folder."""
        if not any(spelling in text for spelling in _spellings(self.store.folder)) or not _is_json(text):
            return text
        return _json_string_start(self.store.folder).sub(lambda _: f'"{self.store.prefix}', text)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _decode_json(data: bytes) -> Any:
    return json.loads(data)


def _encode_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _decode_msgpack(data: bytes) -> Any:
    return msgpack.unpackb(data, strict_map_key=False, unicode_errors="surrogateescape")


def _encode_msgpack(value: Any) -> bytes:
    return cast(bytes, msgpack.packb(value, unicode_errors="surrogateescape"))


_CODECS: dict[str, tuple[Callable[[bytes], Any], Callable[[Any], bytes]]] = {
    "msgpack": (_decode_msgpack, _encode_msgpack),
    "json": (_decode_json, _encode_json),
}


@functools.lru_cache(maxsize=8)
def _spellings(folder: str) -> tuple[str, ...]:
    """The folder as it is and as JSON, HTML and URLs escape it, the longest first."""
    escaped = json.dumps(folder)[1:-1]
    half_escaped = json.dumps(folder, ensure_ascii=False)[1:-1]
    forms = {folder, escaped, half_escaped, escaped.replace("/", "\\/"), html.escape(folder), quote(folder)}
    return tuple(sorted(forms, key=lambda form: (-len(form), form)))


@functools.lru_cache(maxsize=8)
def _path_start(folder: str) -> re.Pattern[str]:
    """Where a path into the folder starts; ``/backup<folder>`` is another folder's path."""
    return re.compile(rf"(?<![\w.~%-])(?:file://)?(?:{'|'.join(map(re.escape, _spellings(folder)))})")


@functools.lru_cache(maxsize=8)
def _json_string_start(folder: str) -> re.Pattern[str]:
    return re.compile(rf'"(?:file://)?(?:{"|".join(map(re.escape, _spellings(folder)))})')
