"""Messages as one line of text, as flyteadmin prints them."""

from __future__ import annotations

import pytest
from flyteidl.core import identifier_pb2, interface_pb2, literals_pb2, types_pb2
from google.protobuf.message import Message

from flyte_sandbox.compiler.prototext import one_line

INTEGER = types_pb2.LiteralType(simple=types_pb2.INTEGER)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (None, "<nil>"),
        (types_pb2.LiteralType(), ""),
        (INTEGER, "simple:INTEGER"),
        (types_pb2.LiteralType(collection_type=INTEGER), "collection_type:{simple:INTEGER}"),
        (types_pb2.EnumType(values=["a", 'b"']), r'values:"a" values:"b\""'),
        (literals_pb2.Primitive(boolean=True), "boolean:true"),
        (literals_pb2.Primitive(float_value=1.5), "float_value:1.5"),
        (literals_pb2.Binary(value=b"\xff", tag="x"), r'value:"\\xff" tag:"x"'),
        (
            identifier_pb2.Identifier(resource_type=identifier_pb2.TASK, project="p", name="n"),
            'resource_type:TASK project:"p" name:"n"',
        ),
        (
            interface_pb2.VariableMap(
                variables={name: interface_pb2.Variable(type=INTEGER) for name in ("b", "a")}
            ),
            'variables:{key:"a" value:{type:{simple:INTEGER}}}'
            ' variables:{key:"b" value:{type:{simple:INTEGER}}}',
        ),
    ],
)
def test_a_message_reads_as_go_prints_it(message: Message | None, text: str) -> None:
    assert one_line(message) == text


def test_an_enum_value_of_a_newer_version_is_its_number() -> None:
    assert one_line(types_pb2.LiteralType(simple=99)) == "simple:99"
