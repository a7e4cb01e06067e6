"""How identifiers read in messages, as flyteadmin prints them."""

from __future__ import annotations

from google.protobuf import text_format
from google.protobuf.message import Message


def describe(id: Message) -> str:
    """``project:"flytesnacks" domain:"development" name:"a1b2"``."""
    return text_format.MessageToString(id, as_one_line=True).replace(": ", ":").strip()


def missing(kind: str, id: Message) -> str:
    return f"missing entity of type {kind} with identifier {describe(id)}"
