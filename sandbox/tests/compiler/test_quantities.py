"""Kubernetes quantities: parsed, compared, refused."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyte_sandbox.compiler.quantities import parse_quantity, round_up

from .conftest import unhurried


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("1", 1),
        ("500m", Fraction(1, 2)),
        ("1.5", Fraction(3, 2)),
        (".5", Fraction(1, 2)),
        ("1.", 1),
        ("2Gi", 2 * 2**30),
        ("1Ki", 1024),
        ("3k", 3000),
        ("1E", 10**18),
        ("1Ei", 2**60),
        ("1e3", 1000),
        ("1E3", 1000),
        ("1e-3", Fraction(1, 1000)),
        ("100u", Fraction(1, 10_000)),
        ("-1", -1),
        ("+1", 1),
    ],
)
def test_a_quantity_is_an_exact_number(text: str, value: Fraction) -> None:
    assert parse_quantity(text) == value


@pytest.mark.parametrize(
    "text", ["", " 1", "1 Gi", "1GB", "1gi", "1K", "Gi", "1.1.1", "1e", "1e999999999", "--1", "1Mi1", "٣"]
)
def test_a_quantity_that_kubernetes_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="quantit"):
        parse_quantity(text)


@pytest.mark.parametrize(("value", "rounded"), [("500m", 1), ("1", 1), ("1.001", 2), ("-500m", -1), ("0", 0)])
def test_comparisons_round_away_from_zero(value: str, rounded: int) -> None:
    assert round_up(parse_quantity(value)) == rounded


@given(st.integers(0, 10**9), st.sampled_from(["", "k", "M", "Ki", "Mi", "Gi", "m"]))
@unhurried
def test_a_bigger_number_is_a_bigger_quantity(number: int, suffix: str) -> None:
    assert parse_quantity(f"{number}{suffix}") < parse_quantity(f"{number + 1}{suffix}")
