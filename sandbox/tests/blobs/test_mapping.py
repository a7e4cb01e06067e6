"""Every place of a message where an URI can sit changes sides; nothing else does."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import msgpack
import pytest
from flyteidl.core import dynamic_job_pb2, errors_pb2, execution_pb2, literals_pb2
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from flyte_sandbox.blobs.mapping import leave_out_html, localise, publicise, publicise_html, publicise_text
from flyte_sandbox.blobs.store import Store

PUBLIC = "s3://my-s3-bucket/"


def _store(name: str) -> Store:
    return Store(Path(tempfile.mkdtemp()) / name / "buckets")


STORE, MOVED = _store("air flyte ü & co"), _store("moved")

paths = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=12).filter(
    lambda text: not {".", ".."} & set(text.split("/"))
)
uris = paths.map(lambda path: PUBLIC + path)
texts = st.one_of(uris, st.text(st.characters(codec="utf-8"), max_size=12), st.just("s3://my-s3-bucket"))
payloads = st.recursive(
    st.one_of(texts, st.integers(-(2**63), 2**64 - 1), st.floats(), st.booleans(), st.none(), st.binary()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)
json_payloads = st.recursive(
    st.one_of(texts, st.integers(0, 9), st.booleans(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)


def _generic(value: dict[str, Any]) -> literals_pb2.Scalar:
    scalar = literals_pb2.Scalar()
    json_format.ParseDict(value, scalar.generic)
    return scalar


def _binary(value: Any) -> literals_pb2.Scalar:
    binary = literals_pb2.Binary(value=msgpack.packb(value), tag="msgpack")
    return literals_pb2.Scalar(binary=binary)


scalars = st.one_of(
    texts.map(lambda text: literals_pb2.Scalar(primitive=literals_pb2.Primitive(string_value=text))),
    uris.map(lambda uri: literals_pb2.Scalar(blob=literals_pb2.Blob(uri=uri))),
    uris.map(lambda uri: literals_pb2.Scalar(schema=literals_pb2.Schema(uri=uri))),
    uris.map(lambda uri: literals_pb2.Scalar(structured_dataset=literals_pb2.StructuredDataset(uri=uri))),
    payloads.map(_binary),
    st.dictionaries(texts, json_payloads, max_size=3).map(_generic),
)


def _union(literal: literals_pb2.Literal) -> literals_pb2.Literal:
    return literals_pb2.Literal(scalar=literals_pb2.Scalar(union=literals_pb2.Union(value=literal)))


def _collection(literal_list: list[literals_pb2.Literal]) -> literals_pb2.Literal:
    return literals_pb2.Literal(collection=literals_pb2.LiteralCollection(literals=literal_list))


def _map(entries: dict[str, literals_pb2.Literal]) -> literals_pb2.Literal:
    return literals_pb2.Literal(map=literals_pb2.LiteralMap(literals=entries))


def _with_metadata(scalar: literals_pb2.Scalar, metadata: dict[str, str], hash_: str) -> literals_pb2.Literal:
    return literals_pb2.Literal(scalar=scalar, metadata=metadata, hash=hash_)


offloaded = uris.map(
    lambda uri: literals_pb2.Literal(offloaded_metadata=literals_pb2.LiteralOffloadedMetadata(uri=uri))
)
literals = st.recursive(
    st.one_of(
        st.builds(_with_metadata, scalars, st.dictionaries(texts, texts, max_size=2), texts), offloaded
    ),
    lambda inner: st.one_of(
        inner.map(_union),
        st.lists(inner, max_size=3).map(_collection),
        st.dictionaries(texts, inner, max_size=3).map(_map),
    ),
    max_leaves=5,
)
literal_maps = st.dictionaries(texts, literals, max_size=3).map(
    lambda entries: literals_pb2.LiteralMap(literals=entries)
)


@given(literal_maps)
def test_what_a_client_sees_survives_the_way_in_and_out(public: literals_pb2.LiteralMap) -> None:
    before = public.SerializeToString(deterministic=True)
    assert publicise(localise(public, STORE), STORE) == public
    assert public.SerializeToString(deterministic=True) == before


@given(literal_maps)
def test_after_moving_the_state_no_old_path_is_left(public: literals_pb2.LiteralMap) -> None:
    local = localise(public, STORE)
    moved = localise(publicise(local, STORE), MOVED)
    raw = moved.SerializeToString()
    assert str(STORE.root).encode() not in raw
    assert publicise(moved, MOVED) == public


@given(st.dictionaries(paths, payloads, max_size=3))
def test_a_path_that_a_task_returns_as_a_plain_string_or_key_becomes_public(entries: dict[str, Any]) -> None:
    local = {STORE.folder + key: [STORE.folder + key, value] for key, value in entries.items()}
    seen = publicise(literals_pb2.Literal(scalar=_binary(local)), STORE)
    assert str(STORE.root).encode() not in seen.SerializeToString()


def test_each_kind_of_uri_is_mapped_both_ways() -> None:
    literal = literals_pb2.Literal(
        scalar=_binary({"path": PUBLIC + "a", "n": [1.5, {"uri": PUBLIC + "b"}]}), hash=PUBLIC + "h"
    )
    local = localise(literal, STORE)
    assert msgpack.unpackb(local.scalar.binary.value) == {
        "path": STORE.folder + "a",
        "n": [1.5, {"uri": STORE.folder + "b"}],
    }
    assert local.hash == PUBLIC + "h"


def test_a_plain_string_stays_an_uri_on_the_way_in() -> None:
    literal = literals_pb2.Literal()
    literal.scalar.primitive.string_value = PUBLIC + "a"
    assert localise(literal, STORE) == literal


def test_a_plain_string_that_is_a_path_becomes_an_uri_on_the_way_out() -> None:
    literal = literals_pb2.Literal()
    literal.scalar.primitive.string_value = STORE.folder + "a"
    assert publicise(literal, STORE).scalar.primitive.string_value == PUBLIC + "a"


@pytest.mark.parametrize("ascii_only", [True, False])
def test_json_in_a_string_keeps_its_spelling(ascii_only: bool) -> None:
    text = json.dumps(
        {"a": STORE.folder + "x", "b": f"see {STORE.folder}"}, indent=3, ensure_ascii=ascii_only
    )
    literal = literals_pb2.Literal()
    literal.scalar.primitive.string_value = text
    mapped = publicise(literal, STORE).scalar.primitive.string_value
    assert json.loads(mapped) == {"a": PUBLIC + "x", "b": f"see {STORE.folder}"}
    assert len(mapped.splitlines()) == 4


def test_two_keys_never_become_one() -> None:
    literal = literals_pb2.Literal()
    for key in (PUBLIC + "x", STORE.folder + "x"):
        literal.map.literals[key].scalar.primitive.string_value = key
    assert len(publicise(literal, STORE).map.literals) == 2


def test_bytes_that_are_not_what_their_tag_says_pass_unharmed() -> None:
    for value, tag in (
        (STORE.folder.encode(), "msgpack"),
        (b"{" + STORE.folder.encode(), "json"),
        (b"?", "x"),
    ):
        literal = literals_pb2.Literal()
        literal.scalar.binary.value, literal.scalar.binary.tag = value, tag
        assert publicise(literal, STORE) == literal


def test_a_message_without_uris_comes_back_itself() -> None:
    literal = literals_pb2.Literal()
    literal.scalar.primitive.string_value = "s3://another-bucket/x"
    assert localise(literal, STORE) is literal
    assert publicise(literal, STORE) is literal


def test_a_dynamic_job_is_mapped_in_bindings_arguments_and_environment() -> None:
    job = dynamic_job_pb2.DynamicJobSpec()
    node = job.nodes.add(id="dn0")
    node.inputs.add(var="f").binding.scalar.blob.uri = PUBLIC + "f"
    task = job.tasks.add(type="python-task")
    task.container.args.extend(["--dynamic-addl-distro", PUBLIC + "fast.tar.gz", "--x", "{{.input}}"])
    task.container.env.add(key="WHERE", value=PUBLIC + "w")
    task.config["root"] = PUBLIC + "r"
    local = localise(job, STORE)
    assert PUBLIC.encode() not in local.SerializeToString()
    assert local.tasks[0].container.args[1] == STORE.folder + "fast.tar.gz"
    assert publicise(local, STORE) == job


def test_paths_in_the_text_of_an_error_become_uris() -> None:
    document = errors_pb2.ErrorDocument()
    document.error.message = f"open('{STORE.folder}a b/x'): no such file, nor file://{STORE.folder}y"
    seen = publicise(document, STORE)
    assert seen.error.message == f"open('{PUBLIC}a b/x'): no such file, nor {PUBLIC}y"
    error = execution_pb2.ExecutionError(message=f"see {STORE.folder}x")
    assert publicise(error, STORE).message == f"see {PUBLIC}x"


def test_a_deck_is_mapped_in_every_spelling_of_a_path() -> None:
    from html import escape
    from urllib.parse import quote

    deck = (
        f'<a href="file://{quote(STORE.folder)}m.joblib">{escape(STORE.folder)}m.joblib</a>'
        f"<script>var x = {json.dumps(STORE.folder + 'x')}</script>"
    )
    seen = publicise_html(b"\xff" + deck.encode(), STORE)
    assert seen == (
        b"\xff"
        + f'<a href="{PUBLIC}m.joblib">{PUBLIC}m.joblib</a><script>var x = "{PUBLIC}x"</script>'.encode()
    )


def test_a_deck_names_what_lay_beside_it_as_seen_from_there() -> None:
    folder = f"{STORE.root.parent}/attempts/a.0/"
    deck = f"read {folder}inputs.pb <script>'{json.dumps(folder)[1:-1]}x'</script>".encode()
    assert leave_out_html(deck, folder) == b"read inputs.pb <script>'x'</script>"


def test_another_folder_that_ends_alike_is_not_ours() -> None:
    text = f"/backup{STORE.folder}x"
    assert publicise_text(text, STORE) == text
