"""Every row of the index is asked for by some test."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from .index import ROWS, UNREACHABLE, covered, covers


def test_every_row_is_covered_or_cannot_be() -> None:
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        importlib.import_module(f".{path.stem}", __package__)
    assert sorted(ROWS - covered.keys() - UNREACHABLE.keys()) == []


def test_what_cannot_be_covered_is_a_row_that_is_not() -> None:
    assert UNREACHABLE.keys() <= ROWS
    assert not UNREACHABLE.keys() & covered.keys()


def test_an_unknown_row_is_refused() -> None:
    with pytest.raises(ValueError, match="rpc GetTsak"):
        covers("rpc GetTsak")
