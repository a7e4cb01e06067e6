"""How durations, errors, types, values and times on the axis read: tables, no server."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import msgpack
import pytest
from flyteidl.core import literals_pb2, types_pb2
from google.protobuf import json_format

from flyte_sandbox.web.pages import addresses, values
from flyte_sandbox.web.pages.timeline import Axis, Bar
from flyte_sandbox.web.pages.words import duration_text, error_parts, type_text

START = datetime(2026, 1, 1, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (0, "0.00 s"),
        (0.154, "0.15 s"),
        (4.24, "4.2 s"),
        (9.96, "10 s"),
        (59.6, "1 m 00 s"),
        (185, "3 m 05 s"),
        (7380, "2 h 03 m"),
    ],
)
def test_a_duration_shows_the_digits_that_matter(seconds: float | None, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("message", "said", "trace"),
    [
        ("", "no message", ""),
        ("Pod failed.", "Pod failed.", ""),
        ("Trace:\n\n    T1\n      T2\n\nMessage:\n\n    E: x\n    y", "E: x\ny", "T1\n  T2"),
        ("Trace:\n\n    a\nMessage:\nb\n\nMessage:\n\n    c", "c", "a\nMessage:\nb"),
    ],
)
def test_an_error_says_first_what_was_said_last(message: str, said: str, trace: str) -> None:
    got_said, got_trace = error_parts(message)
    assert got_said == said
    assert got_trace.replace("    ", "") == trace.replace("    ", "")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ({"simple": "INTEGER"}, "int"),
        ({"simple": "DATETIME"}, "datetime"),
        ({"simple": "STRUCT"}, "dict"),
        ({"simple": "STRUCT", "structure": {"tag": "Params"}}, "Params"),
        ({"collection_type": {"map_value_type": {"simple": "FLOAT"}}}, "list[dict[str, float]]"),
        ({"union_type": {"variants": [{"simple": "STRING"}, {"simple": "NONE"}]}}, "str | None"),
        ({"enum_type": {"values": ["a", "b"]}}, "enum(a, b)"),
        ({"blob": {"format": "csv"}}, "file[csv]"),
        ({"blob": {"dimensionality": "MULTIPART"}}, "directory"),
        ({"structured_dataset_type": {"columns": [{"name": "x"}]}}, "dataset[x]"),
        ({"schema": {}}, "dataset"),
    ],
)
def test_a_type_reads_as_a_python_programmer_writes_it(kind: dict[str, Any], text: str) -> None:
    assert type_text(json_format.ParseDict(kind, types_pb2.LiteralType())) == text


@pytest.mark.parametrize(
    ("literal", "kind", "text"),
    [
        ({"scalar": {"primitive": {"integer": 5}}}, "text", "5"),
        ({"scalar": {"primitive": {"boolean": True}}}, "text", "true"),
        ({"scalar": {"primitive": {"duration": "90s"}}}, "text", "0:01:30"),
        ({"scalar": {"primitive": {"datetime": "2026-01-01T00:00:00Z"}}}, "text", "2026-01-01T00:00:00Z"),
        ({"scalar": {"none_type": {}}}, "text", "None"),
        ({"scalar": {"union": {"value": {"scalar": {"blob": {"uri": "s3://b/k"}}}}}}, "uri", "s3://b/k"),
        ({"scalar": {"structured_dataset": {"uri": "s3://b/k"}}}, "uri", "s3://b/k"),
        ({"offloaded_metadata": {"uri": "s3://b/k"}}, "uri", "s3://b/k"),
        ({"scalar": {"generic": {"a": 1}}}, "code", '{\n  "a": 1.0\n}'),
        ({"scalar": {"binary": {"value": "/w==", "tag": "msgpack"}}}, "code", "-1"),
        ({"scalar": {"binary": {"value": "wQ==", "tag": "msgpack"}}}, "text", "1 bytes of msgpack"),
        ({"scalar": {"binary": {"value": "AA==", "tag": "x"}}}, "text", "1 bytes of x"),
        ({}, "text", "nothing"),
    ],
)
def test_a_literal_reads_as_what_it_is(literal: dict[str, Any], kind: str, text: str) -> None:
    value = values.from_literal(json_format.ParseDict(literal, literals_pb2.Literal()))
    assert (value.kind, value.text) == (kind, text)


def test_a_dataclass_reads_as_json() -> None:
    literal = literals_pb2.Literal()
    literal.scalar.binary.value, literal.scalar.binary.tag = msgpack.packb({"a": [1, {"b": None}]}), "msgpack"
    assert json.loads(values.from_literal(literal).text) == {"a": [1, {"b": None}]}


def test_long_values_are_cut_and_say_so() -> None:
    literal = literals_pb2.Literal()
    for number in range(150):
        literal.collection.literals.add().scalar.primitive.integer = number
    value = values.from_literal(literal)
    assert (len(value.entries), value.left_out) == (100, 50)
    text = literals_pb2.Literal()
    text.scalar.primitive.string_value = "x" * 10_000
    assert values.from_literal(text).text.endswith(" … (10000 characters)")


def _at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def test_a_bar_shows_waiting_and_running() -> None:
    axis = Axis(START, _at(10))
    assert axis.bar(_at(1), _at(2), _at(6)) == Bar(100, 200, 600)
    assert axis.bar(_at(1), None, None) == Bar(100, 1000, 1000)
    assert axis.bar(None, None, None) is None
    assert axis.bar(_at(-5), _at(20), _at(30)) == Bar(0, 1000, 1000), "clocks differ"


def test_an_execution_that_took_no_time_has_bars_too() -> None:
    assert Axis(START, START).bar(START, START, START) == Bar(0, 0, 0)
    assert Bar(0, 0, 0).run_width > 0


@pytest.mark.parametrize(
    ("text", "is_link"),
    [
        ("https://logs.example/x", True),
        ("/console/logs/x", True),
        ("//evil.example", False),
        ("/\\evil.example", False),
        ("javascript:alert(1)", False),
        ("JavaScript:alert(1)", False),
        ("data:text/html,x", False),
        ("logs/x", False),
        ("", False),
    ],
)
def test_only_web_addresses_become_links(text: str, is_link: bool) -> None:
    assert addresses.is_link(text) is is_link


def test_addresses_escape_what_they_are_made_of() -> None:
    assert (
        addresses.of("projects", "a/b c", uri="s3://x?y=1")
        == "/console/projects/a%2Fb%20c?uri=s3%3A%2F%2Fx%3Fy%3D1"
    )
    assert addresses.without_host("https://x:1/signed/a%20b?e=1&s=2") == "/signed/a%20b?e=1&s=2"
