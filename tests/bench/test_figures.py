"""Goals, ratios and percentiles."""

from __future__ import annotations

import json

import pytest

from .figures import Goal, Measurement, as_line, at_least, at_most, percentile


@pytest.mark.parametrize(
    ("goal", "found", "is_reached"),
    [
        (Goal(at_most(0.6)), Measurement(0.6), True),
        (Goal(at_most(0.6)), Measurement(0.61), False),
        (Goal(at_least(40)), Measurement(40), True),
        (Goal(at_least(40)), Measurement(39), False),
        (Goal(ratio=at_most(2)), Measurement(3, 1.5), True),
        (Goal(ratio=at_most(2)), Measurement(3, 1.4), False),
        (Goal(ratio=at_most(2)), Measurement(3), False),
        (Goal(at_most(5), at_most(2)), Measurement(4, 1), False),
        (Goal(ratio=at_most(1.5)), Measurement(0.7, 0.4, allowance=0.2), True),
    ],
)
def test_a_goal_is_reached_when_every_bound_holds(goal: Goal, found: Measurement, is_reached: bool) -> None:
    assert goal.is_reached(found) is is_reached


def test_the_line_has_reference_and_ratio_only_when_there_is_a_reference() -> None:
    goal = Goal(at_most(1), at_most(0.5))
    plain = json.loads(as_line("a.row", "s", goal, Measurement(0.123456)))
    assert plain == {"name": "a.row", "value": 0.1235, "unit": "s", "goal": "<= 1, ratio <= 0.5"}
    compared = json.loads(as_line("a.row", "s", goal, Measurement(0.5, 2)))
    assert (compared["reference"], compared["ratio"]) == (2, 0.25)


def test_the_percentile_is_a_sample_that_so_many_do_not_exceed() -> None:
    samples = [float(number) for number in range(1, 101)]
    assert percentile(samples, 95) == 95
    assert percentile(samples, 50) == 50
    assert percentile([7.0], 95) == 7
