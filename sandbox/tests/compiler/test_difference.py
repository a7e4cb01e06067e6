"""The words for how two registered versions differ."""

from __future__ import annotations

from flyteidl.core import literals_pb2, tasks_pb2
from hypothesis import given
from hypothesis import strategies as st

from flyte_sandbox.compiler.difference import MAX_DIFFERENCES, describe_difference
from flyte_sandbox.compiler.digests import structural_digest

from .conftest import unhurried

values = st.dictionaries(st.text(), st.integers(0, 5) | st.floats() | st.text(), max_size=5)


def _literals(content: dict[str, object]) -> literals_pb2.LiteralMap:
    literals = literals_pb2.LiteralMap()
    for name, value in content.items():
        kind = {int: "integer", float: "float_value", str: "string_value"}[type(value)]
        setattr(literals.literals[name].scalar.primitive, kind, value)
    return literals


def test_a_changed_value_is_told_with_its_path() -> None:
    old = tasks_pb2.TaskTemplate(type="a", container=tasks_pb2.Container(image="one", args=["x"]))
    new = tasks_pb2.TaskTemplate(type="a", container=tasks_pb2.Container(image="two", args=["x", "y"]))
    assert describe_difference(old, new) == (
        "/container/args/1:\n\t+ y\n/container/image:\n\t- one \n\t+ two"
    )


def test_what_is_gone_is_told() -> None:
    old = tasks_pb2.TaskTemplate(
        metadata=tasks_pb2.TaskMetadata(retries=literals_pb2.RetryStrategy(retries=2))
    )
    assert (
        describe_difference(old, tasks_pb2.TaskTemplate()) == '/metadata:\n\t- {"retries": {"retries": 2}} '
    )


def test_names_with_slashes_stay_readable_pointers() -> None:
    old, new = _literals({"a/b~c": 1}), _literals({"a/b~c": 2})
    path = "/literals/a~1b~0c/scalar/primitive/integer"
    assert describe_difference(old, new) == f"{path}:\n\t- 1 \n\t+ 2"


def test_a_long_list_is_cut() -> None:
    old, new = _literals({f"k{i}": 1 for i in range(60)}), _literals({f"k{i}": 2 for i in range(60)})
    text = describe_difference(old, new)
    assert text.endswith(f"... and {60 - MAX_DIFFERENCES} more differences")


def test_what_json_cannot_say_is_no_obstacle() -> None:
    old, new = tasks_pb2.TaskTemplate(), tasks_pb2.TaskTemplate()
    old.custom.update({"a": float("nan")})
    new.custom.update({"a": float("inf")})
    old.security_context.run_as.k8s_service_account = "one"
    assert "/custom" in describe_difference(old, new)
    broken = literals_pb2.LiteralMap()
    broken.literals["t"].scalar.primitive.datetime.seconds = 10**18
    broken.literals["b"].scalar.binary.value = b"\xff"
    assert "/w==" in describe_difference(literals_pb2.LiteralMap(), broken)


@given(values, values)
@unhurried
def test_every_difference_is_seen_and_no_other(left: dict[str, object], right: dict[str, object]) -> None:
    old, new = _literals(left), _literals(right)
    is_same = structural_digest(old) == structural_digest(new)
    assert (describe_difference(old, new) == "") is is_same


@given(values)
@unhurried
def test_nothing_differs_from_itself(content: dict[str, object]) -> None:
    assert describe_difference(_literals(content), _literals(content)) == ""
