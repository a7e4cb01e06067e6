"""What is said of an identifier that names nothing, as flyteadmin says it."""

from __future__ import annotations

from google.protobuf.message import Message

from flyte_sandbox.compiler.prototext import one_line


def missing(kind: str, id: Message) -> str:
    return f"missing entity of type {kind} with identifier {one_line(id)}"
