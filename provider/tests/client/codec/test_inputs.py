"""A launch's inputs as a whole: unknown, fixed, missing."""

from __future__ import annotations

import pytest
from flyteidl.core import types_pb2

from flyte_provider._client.codec import InputInterface, decode_map, encode_inputs
from flyte_provider.exceptions import FlyteInputError

INT = types_pb2.LiteralType(simple=types_pb2.INTEGER)
FLOAT = types_pb2.LiteralType(simple=types_pb2.FLOAT)
PIMA = InputInterface(
    "launch plan 'pima'",
    {"test_split_ratio": FLOAT, "seed": INT, "dataset": INT},
    required=frozenset({"dataset"}),
    fixed=frozenset({"trees"}),
)


def refusal(inputs: dict[str, object], interface: InputInterface = PIMA) -> FlyteInputError:
    with pytest.raises(FlyteInputError) as caught:
        encode_inputs(inputs, interface)
    return caught.value


def test_what_is_left_out_is_left_to_the_launch_plan() -> None:
    assert decode_map(encode_inputs({"dataset": 1, "seed": 5}, PIMA)) == {"dataset": 1, "seed": 5}


def test_an_unknown_input_names_what_there_is_and_what_was_meant() -> None:
    error = refusal({"dataset": 1, "sed": 5})
    assert str(error) == (
        "input 'sed': unknown to launch plan 'pima', which takes 'dataset', 'seed', 'test_split_ratio'"
        "; did you mean 'seed'?"
    )
    assert error.input_name == "sed"


def test_an_entity_without_inputs_says_so() -> None:
    assert str(refusal({"a": 1}, InputInterface("task 't'", {}))).endswith("which takes no inputs")


def test_a_fixed_input_cannot_be_given() -> None:
    error = refusal({"dataset": 1, "trees": 5})
    assert str(error) == "input 'trees': fixed by launch plan 'pima', leave it out"


def test_a_missing_input_names_its_type() -> None:
    error = refusal({"seed": 5})
    assert str(error) == "input 'dataset': missing; launch plan 'pima' needs it (int)"
    assert error.input_name == "dataset"


def test_a_wrong_type_names_the_input() -> None:
    error = refusal({"dataset": 1, "seed": "x"})
    assert str(error) == "input 'seed': expected int, got str 'x'"
    assert error.input_name == "seed"
