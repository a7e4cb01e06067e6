"""The forms a message takes over HTTP, and which of them a request asks for.

Source: flyteadmin pkg/server/service.go (what it registers), grpc-gateway v2 runtime/marshaler_registry.go.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

from flyte_sandbox.errors import Internal, InvalidArgument

JSON = "application/json"
PROTOBUF = "application/octet-stream"


@dataclass(frozen=True)
class Form:
    """How messages are written and read.

    :param content_type: what an answer says it is.
    :param has_proto_names: JSON with ``snake_case`` names instead of ``lowerCamelCase``.
    :param is_strict: a field nobody knows is an error, else it is skipped.
    """

    content_type: str
    has_proto_names: bool = False
    is_strict: bool = False

    def write(self, message: Message) -> bytes:
        """:raises Internal: for what JSON cannot say: an infinite number in a Struct, a time out of range."""
        if self.content_type == PROTOBUF:
            return message.SerializeToString()
        try:
            return json.dumps(_to_tree(message, self.has_proto_names), ensure_ascii=False).encode()
        except (json_format.SerializeToJsonError, TypeError, ValueError) as exc:
            raise Internal(
                f"no JSON says this {message.DESCRIPTOR.full_name}: {exc}; ask for {PROTOBUF}"
            ) from exc

    def read(self, body: bytes, message: Message) -> None:
        """:raises InvalidArgument: when the body is not of this form."""
        try:
            if self.content_type == PROTOBUF:
                message.ParseFromString(body)
            elif not body.lstrip().startswith(b"{"):  # Python's parser would take other things for empty ones
                raise json_format.ParseError("it is no JSON object")
            else:
                json_format.Parse(body, message, ignore_unknown_fields=not self.is_strict)
        except (DecodeError, json_format.ParseError, UnicodeDecodeError, RecursionError) as exc:
            raise InvalidArgument(f"the body is no {message.DESCRIPTOR.full_name}: {exc}") from exc


_BY_TYPE = {JSON: Form(JSON, has_proto_names=True, is_strict=True), PROTOBUF: Form(PROTOBUF)}
_ANY = Form(JSON)


def negotiate(accepts: Iterable[str], content_type: str) -> tuple[Form, Form]:
    """Only an ``Accept`` header that is one known type exactly counts; else the answer takes the body's form.

    :param accepts: the values of all ``Accept`` headers.
    :return: the form of the request's body, and that of the answer.
    """
    inward = _BY_TYPE.get(content_type.partition(";")[0].strip().lower(), _ANY)
    return inward, next((_BY_TYPE[accept] for accept in accepts if accept in _BY_TYPE), inward)


def _to_tree(message: Message, has_proto_names: bool) -> Any:
    tree = json_format.MessageToDict(
        message,
        preserving_proto_field_name=has_proto_names,
        always_print_fields_with_no_presence=True,
    )
    _add_nulls(message, tree, has_proto_names)
    return tree


def _add_nulls(message: Message, tree: Any, has_proto_names: bool) -> None:
    """Go prints a message field that is not set as ``null``, unless it is in a oneof; Python leaves it out.

    Source: google.golang.org/protobuf encoding/protojson (EmitUnpopulated).
    """
    if message.DESCRIPTOR.file.package == "google.protobuf":  # these have JSON forms of their own
        return
    for field in message.DESCRIPTOR.fields:
        if field.type != FieldDescriptor.TYPE_MESSAGE:
            continue
        name = field.name if has_proto_names else field.json_name
        value = getattr(message, field.name)
        if not isinstance(value, Message):
            _add_nulls_inside(value, tree[name], has_proto_names)
        elif message.HasField(field.name):
            _add_nulls(value, tree[name], has_proto_names)
        elif field.containing_oneof is None:
            tree[name] = None


def _add_nulls_inside(values: Any, trees: Any, has_proto_names: bool) -> None:
    pairs: Iterable[tuple[Any, Any]]
    if isinstance(values, MutableMapping):
        pairs = ((value, trees[str(key)]) for key, value in values.items())
    else:
        pairs = zip(values, trees, strict=True)
    for value, tree in pairs:
        if isinstance(value, Message):
            _add_nulls(value, tree, has_proto_names)
