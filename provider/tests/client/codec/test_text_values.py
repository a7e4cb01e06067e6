"""Durations as text, both ways."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from flyte_provider._client.codec.text_values import read_timedelta, to_iso_duration


@given(st.timedeltas(min_value=timedelta(days=-10_000), max_value=timedelta(days=10_000)))
def test_a_duration_survives_iso_8601(value: timedelta) -> None:
    assert read_timedelta(to_iso_duration(value)) == value


@given(st.timedeltas(min_value=timedelta(days=-10_000), max_value=timedelta(days=10_000)))
def test_a_duration_survives_pythons_own_text(value: timedelta) -> None:
    assert read_timedelta(str(value)) == value


def test_what_is_no_duration_is_none() -> None:
    assert [read_timedelta(text) for text in ("", "P", "PT", "1:2", "x", "1 day")] == [None] * 6
