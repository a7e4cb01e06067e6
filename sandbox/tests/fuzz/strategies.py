"""Hypothesis strategies for messages: made up from descriptors, or valid ones with something changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import strategies as st

_DEPTH = 5
_FIELDS = 4

TEXTS = (
    *(
        "",
        "flytesnacks",
        "development",
        "fuzz.task",
        "fuzz.wf",
        "v1",
        "n0",
        "start-node",
        "end-node",
        "x",
        "o0",
    ),
    *(
        "a" * 64,
        "a" * 256,
        "ü",
        "\0",
        "a\0b",
        "A.b:c-d_e",
        "../..",
        "a/b",
        " ",
        "\u202e",
        "\U0001f600",
        "%s{}",
    ),
    *("s3://my-s3-bucket/a", "s3://my-s3-bucket/../x", "s3://other/x", "/etc/passwd", "file:///etc/passwd"),
    *("eq(name,a)", "value_in(phase,FAILED;RUNNING)+ne(a,b)", "contains(a,%)", "gte(created_at,yesterday)"),
    *("eq(created_at,2026-01-01T00:00:00Z)", "eq(duration,1e400)", "eq(state,9999999999999999999)", "eq(,)"),
    *("1", "-1", "0", "99999999999999999999", "1e3", "NaN", "created_at", "id", "phase", "message"),
    *("* * * * *", "@every 1s", "TZ=Nowhere 0 0 * * *", "0 0 31 2 *", "1Gi", "1.5", "100m", "python-task"),
    *("container", "core-sleep", "flyte://v1/flytesnacks/development/e/n0/i", "flyte://v1/a/b/c/d/0/o/x"),
)
_SIZES = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}
_SAFE_COMMAND = ["false"]

texts = st.one_of(st.sampled_from(TEXTS), st.text(st.characters(codec="utf-8"), max_size=12))
blobs = st.one_of(st.binary(max_size=24), st.sampled_from((b"\x80", b"\xc1", b"{}", b"\x81\xa1a\x01")))


@st.composite
def messages(draw: st.DrawFn, kind: type[Message], depth: int = 0) -> Any:
    """A message with a few of its fields set to anything that their types allow."""
    message = kind()
    fields = list(kind.DESCRIPTOR.fields)
    if fields and depth < _DEPTH:
        for field in draw(st.lists(st.sampled_from(fields), max_size=_FIELDS, unique_by=id)):
            _set(draw, message, field, depth)
    return message if depth else tame(message)


@st.composite
def mutated(draw: st.DrawFn, message: Any) -> Any:
    """A copy with one to three things in it changed, taken away or put in twice."""
    copy = type(message)()
    copy.CopyFrom(message)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from(list(_inside(copy))))
        fields = list(place.DESCRIPTOR.fields)
        if fields:
            present = [field for field, _ in place.ListFields()]
            field = draw(st.sampled_from(present if present and draw(st.booleans()) else fields))
            _change(draw, place, field)
    return tame(copy)


def _inside(message: Any) -> Iterator[Any]:
    """The message and every one in it."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if isinstance(value, Message):
            yield from _inside(value)
        elif not field.message_type.GetOptions().map_entry:
            for item in value:
                yield from _inside(item)
        elif field.message_type.fields_by_name["value"].message_type is not None:
            for key in sorted(value):
                yield from _inside(value[key])


def _change(draw: st.DrawFn, message: Any, field: Any) -> None:
    how = draw(st.sampled_from(("clear", "set", "set", "double")))
    if how == "clear":
        message.ClearField(field.name)
    elif how == "double" and field.is_repeated and not _is_map(field):
        values = getattr(message, field.name)
        values.extend(list(values))
    else:
        if how == "set":
            message.ClearField(field.name)
        _set(draw, message, field, _DEPTH - 2)


def _set(draw: st.DrawFn, message: Any, field: Any, depth: int) -> None:
    value = getattr(message, field.name)
    if _is_map(field):
        _set_entries(draw, value, field.message_type, depth)
    elif field.message_type is None and field.is_repeated:
        value.extend(draw(st.lists(_scalars(field), max_size=3)))
    elif field.message_type is None:
        setattr(message, field.name, draw(_scalars(field)))
    elif field.is_repeated:
        value.extend(draw(st.lists(messages(value.add().__class__, depth + 1), max_size=2)))
    else:
        value.SetInParent()
        value.MergeFrom(draw(messages(type(value), depth + 1)))


def _set_entries(draw: st.DrawFn, entries: Any, entry: Any, depth: int) -> None:
    key, value = entry.fields_by_name["key"], entry.fields_by_name["value"]
    for name in draw(st.lists(_scalars(key), max_size=2)):
        if value.message_type is None:
            entries[name] = draw(_scalars(value))
        else:
            entries[name].MergeFrom(draw(messages(type(entries[name]), depth + 1)))


def _scalars(field: Any) -> st.SearchStrategy[Any]:
    if field.enum_type is not None:
        numbers = [value.number for value in field.enum_type.values]
        return st.one_of(st.sampled_from(numbers), st.sampled_from((-1, 99, 2**31 - 1)))
    if field.cpp_type in _SIZES:
        low, high = _SIZES[field.cpp_type]
        return st.one_of(st.integers(max(low, -1), 3), st.sampled_from((low, high)), st.integers(low, high))
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return st.booleans()
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return blobs if field.type == FieldDescriptor.TYPE_BYTES else texts
    return st.floats(width=32 if field.cpp_type == FieldDescriptor.CPPTYPE_FLOAT else 64)


def _is_map(field: Any) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def tame(message: Any) -> Any:
    """Nothing made up is ever run: containers, if they run at all, run a program that fails."""
    for part in _inside(message):
        if part.DESCRIPTOR.full_name == "flyteidl.core.Container":
            for words in (part.command, part.args):
                if words:
                    words[:] = _SAFE_COMMAND
    return message
