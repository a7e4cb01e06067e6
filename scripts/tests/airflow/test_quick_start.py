"""Garbage is collected seldom while Airflow starts, and as usual afterwards."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from airflyte.airflow import quick_start


@pytest.fixture(autouse=True)
def _usual_collections() -> Iterator[None]:
    thresholds, callbacks = gc.get_threshold(), list(gc.callbacks)
    yield
    gc.set_threshold(*thresholds)
    gc.callbacks[:] = callbacks


def test_thresholds_are_high_while_it_starts() -> None:
    quick_start.collect_seldom()
    gc.collect()
    assert gc.get_threshold() == quick_start.STARTING_THRESHOLDS


def test_the_first_collection_after_the_start_restores_them() -> None:
    usual, callbacks = gc.get_threshold(), list(gc.callbacks)
    quick_start.collect_seldom(seconds=-1)
    gc.collect()
    assert gc.get_threshold() == usual
    assert gc.callbacks == callbacks
