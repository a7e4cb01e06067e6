"""The XML that S3 speaks, both ways."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable
from datetime import datetime
from urllib.parse import quote
from xml.sax.saxutils import escape

from flyte_sandbox.web.s3.errors import S3Error

_SPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
MEDIA_TYPE = "application/xml"


def write(name: str, fields: Iterable[tuple[str, object]]) -> bytes:
    """:param fields: names with text, or with fields again; None is left out."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<{name} xmlns="{_SPACE}">{_body(fields)}</{name}>'.encode()
    )


def _body(fields: object) -> str:
    if isinstance(fields, bool):
        return "true" if fields else "false"
    if isinstance(fields, (list, tuple)):
        return "".join(f"<{name}>{_body(value)}</{name}>" for name, value in fields if value is not None)
    return escape(str(fields))


def time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


Spell = Callable[[str], str]
"""How keys stand in a document."""


def spell_encoded(key: str) -> str:
    """As in URLs, for clients that ask for it, because XML cannot hold every key."""
    return quote(key.encode(errors="surrogateescape"), safe="/")


def error(code: str, message: str, resource: str) -> bytes:
    fields = f"<Code>{code}</Code><Message>{escape(message)}</Message><Resource>{escape(resource)}</Resource>"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{fields}</Error>'.encode()


def read(body: bytes, name: str) -> list[dict[str, str]]:
    """:param name: of the elements that are wanted.
    :return: the texts of their children, by name.
    :raises S3Error: when it is no such document."""
    if b"<!" in body.replace(b"<!--", b""):  # a document type could make a few bytes many
        raise S3Error("MalformedXML", "The XML you provided must not have a document type.")
    try:
        root = ET.fromstring(body)  # noqa: S314 - see above
    except ET.ParseError as exc:
        raise S3Error("MalformedXML", "The XML you provided was not well-formed.") from exc
    found = (child for child in root if _local(child.tag) == name)
    return [{_local(part.tag): part.text or "" for part in child} for child in found]


def is_set(body: bytes, name: str) -> bool:
    """:return: whether the document has this flag set."""
    return f"<{name}>true</{name}>".encode() in body


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
