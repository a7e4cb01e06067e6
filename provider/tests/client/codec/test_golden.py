# ruff: noqa: UP007, UP045 - what flytekit users write is part of what is compared
"""Our encodings against flytekit's own, for every type that a Dag can give."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from enum import Enum
from typing import Annotated, Any, Optional, Union

import pytest
from pydantic import BaseModel

from flyte_provider._client.codec import decode, encode

pytest.importorskip("flytekit")

from flytekit import FlyteContextManager, kwtypes
from flytekit.core.type_engine import TypeEngine
from flytekit.types.directory import FlyteDirectory
from flytekit.types.file import FlyteFile
from flytekit.types.structured import StructuredDataset


class Colour(Enum):
    RED = "red"
    GREEN = "green"


@dataclass
class Inner:
    x: int = 1
    y: Optional[float] = None


@dataclass
class Hyperparameters:
    trees: int
    rate: float = 0.1
    name: str = "x"
    layers: list[int] = field(default_factory=list)
    weights: dict[str, float] = field(default_factory=dict)
    inner: Inner = field(default_factory=Inner)
    inners: list[Inner] = field(default_factory=list)
    since: datetime = datetime(2024, 1, 1)
    wait: timedelta = timedelta(seconds=3)
    flag: bool = False
    colour: Colour = Colour.RED
    choice: Union[int, str] = 1


class Sub(BaseModel):
    q: int


class Model(BaseModel):
    sub: Sub
    subs: list[Sub] = []
    maybe: Optional[Sub] = None
    wait: timedelta = timedelta(seconds=3)
    since: datetime = datetime(2024, 1, 1)
    rate: float = 1.5


SIMPLE: list[tuple[Any, Any]] = [
    (int, 5),
    (int, -(2**63)),
    (float, 1.5),
    (float, float("inf")),
    (str, "ä \n"),
    (str, ""),
    (bool, True),
    (bool, False),
    (datetime, datetime(2024, 1, 2, 3, 4, 5, 678)),
    (datetime, datetime(2024, 1, 2, tzinfo=timezone(timedelta(hours=2)))),
    (datetime, datetime(1960, 1, 2, tzinfo=timezone.utc)),
    (date, date(2024, 1, 2)),
    (timedelta, timedelta(days=3, seconds=4, microseconds=5)),
    (timedelta, timedelta(days=-1, microseconds=5)),
    (type(None), None),
    (Colour, Colour.GREEN),
    (list[int], [1, 2]),
    (list[int], []),
    (list[list[str]], [["a"], []]),
    (dict[str, int], {"a": 1}),
    (dict[str, dict[str, int]], {"a": {"b": 2}}),
    (Optional[int], None),
    (Optional[int], 3),
    (Union[int, str], "x"),
    (Union[int, str], 7),
    (Union[int, float], 1),
    (Union[int, float], 1.0),
    (Union[bool, int], 1),
    (Union[bool, int], True),
    (Optional[list[int]], [1]),
    (Union[list[int], int, None], [3]),
    (list[Optional[int]], [1, None]),
    (dict[str, Optional[float]], {"x": None, "y": 2.5}),
    (dict, {"a": 1, "b": [1.0, None, {"c": "d"}]}),
    (Hyperparameters, Hyperparameters(trees=3, inners=[Inner(2, 0.5)], weights={"a": 1.0})),
    (Model, Model(sub=Sub(q=1), subs=[Sub(q=2)], maybe=Sub(q=3))),
    (Optional[Inner], Inner(4)),
    (list[Inner], [Inner(4), Inner(5, 1.0)]),
]

BY_ADDRESS: list[tuple[Any, Any, str]] = [
    (FlyteFile, FlyteFile("s3://b/x.csv"), "s3://b/x.csv"),
    (FlyteFile["csv"], FlyteFile["csv"]("s3://b/x.csv"), "s3://b/x.csv"),
    (FlyteDirectory, FlyteDirectory("s3://b/d"), "s3://b/d"),
    (Optional[FlyteFile], FlyteFile("s3://b/x"), "s3://b/x"),
    (StructuredDataset, StructuredDataset(uri="s3://b/sd"), "s3://b/sd"),
    (Annotated[StructuredDataset, kwtypes(a=int, b=str)], StructuredDataset(uri="s3://b/sd"), "s3://b/sd"),
    (Annotated[StructuredDataset, "csv"], StructuredDataset(uri="s3://b/sd", file_format="csv"), "s3://b/sd"),
]

FROM_JSON: list[tuple[Any, Any, Any]] = [
    (float, 1.0, 1),
    (int, 5, "5"),
    (float, 0.66, "0.66"),
    (bool, True, "True"),
    (datetime, datetime(2024, 1, 2, 3, tzinfo=timezone.utc), "2024-01-02T03:00:00Z"),
    (datetime, datetime(2024, 1, 2, 3, tzinfo=timezone.utc), "2024-01-02 04:00:00+01:00"),
    (timedelta, timedelta(hours=1, minutes=30), "PT1H30M"),
    (timedelta, timedelta(days=1, seconds=5), "1 day, 0:00:05"),
    (timedelta, timedelta(days=-1, seconds=5), "-1 day, 0:00:05"),
    (timedelta, timedelta(seconds=90), 90),
    (Colour, Colour.RED, "red"),
    (Optional[int], 3, "3"),
    (Optional[float], 3.0, 3),
    (Inner, Inner(1, 2.0), {"x": 1, "y": 2}),
    (Hyperparameters, Hyperparameters(3, wait=timedelta(seconds=9)), {
        "trees": 3, "rate": 0.1, "name": "x", "layers": [], "weights": {}, "inner": {"x": 1, "y": None},
        "inners": [], "since": datetime(2024, 1, 1), "wait": timedelta(seconds=9), "flag": False,
        "colour": "red", "choice": 1,
    }),
    (Model, Model(sub=Sub(q=1)), {
        "sub": {"q": 1}, "subs": [], "maybe": None, "wait": timedelta(seconds=3),
        "since": datetime(2024, 1, 1), "rate": 1.5,
    }),
]  # fmt: skip


def flytekit_literal(kind: Any, value: Any) -> tuple[Any, Any]:
    literal_type = TypeEngine.to_literal_type(kind)
    context = FlyteContextManager.current_context()
    literal = TypeEngine.to_literal(context, value, kind, literal_type)
    return literal_type.to_flyte_idl(), literal.to_flyte_idl()


def ids(cases: list[Any]) -> list[str]:
    return [f"{index}-{getattr(case[0], '__name__', case[0])}" for index, case in enumerate(cases)]


@pytest.mark.parametrize(("kind", "value"), SIMPLE, ids=ids(SIMPLE))
def test_python_values_encode_as_flytekit_encodes_them(kind: Any, value: Any) -> None:
    literal_type, expected = flytekit_literal(kind, value)
    assert encode(value, literal_type) == expected


@pytest.mark.parametrize(("kind", "value", "address"), BY_ADDRESS, ids=ids(BY_ADDRESS))
def test_an_address_encodes_as_the_file_or_dataframe_there(kind: Any, value: Any, address: str) -> None:
    literal_type, expected = flytekit_literal(kind, value)
    assert encode(address, literal_type) == expected
    assert decode(expected) == address


@pytest.mark.parametrize(("kind", "value", "given"), FROM_JSON, ids=ids(FROM_JSON))
def test_json_like_values_encode_as_the_python_value_they_mean(kind: Any, value: Any, given: Any) -> None:
    literal_type, expected = flytekit_literal(kind, value)
    assert encode(given, literal_type) == expected


@pytest.mark.parametrize(("kind", "value"), SIMPLE, ids=ids(SIMPLE))
def test_what_was_decoded_encodes_to_the_same_literal_again(kind: Any, value: Any) -> None:
    literal_type, expected = flytekit_literal(kind, value)
    assert encode(decode(expected), literal_type) == expected
