"""What a figure is: a goal to hold a measurement against, and the line that is printed."""

from __future__ import annotations

import dataclasses
import json
import math
import statistics
from collections.abc import Sequence
from typing import Literal


@dataclasses.dataclass(frozen=True)
class Bound:
    """:param side: which side of the limit is good."""

    side: Literal["<=", ">="]
    limit: float

    def holds(self, figure: float) -> bool:
        return figure <= self.limit if self.side == "<=" else figure >= self.limit

    def __str__(self) -> str:
        return f"{self.side} {self.limit:g}"


def at_most(limit: float) -> Bound:
    return Bound("<=", limit)


def at_least(limit: float) -> Bound:
    return Bound(">=", limit)


@dataclasses.dataclass(frozen=True)
class Goal:
    """What a row must reach; one of the two, or both.

    :param value: for the value, in the row's unit.
    :param ratio: for value / reference.
    """

    value: Bound | None = None
    ratio: Bound | None = None

    def is_reached(self, found: Measurement) -> bool:
        """False also when the reference that the ratio needs was not measured."""
        if self.value and not self.value.holds(found.value):
            return False
        return self.ratio is None or (found.ratio is not None and self.ratio.holds(found.ratio))

    def __str__(self) -> str:
        return ", ".join([*([str(self.value)] if self.value else []), *self._ratio_words()])

    def _ratio_words(self) -> list[str]:
        return [f"ratio {self.ratio}"] if self.ratio else []


@dataclasses.dataclass(frozen=True)
class Measurement:
    """What a row came to.

    :param reference: what it is compared with, measured in the same run, in the same unit.
    :param allowance: taken off the value before it is divided by the reference.
    """

    value: float
    reference: float | None = None
    allowance: float = 0.0

    @property
    def ratio(self) -> float | None:
        return None if self.reference is None else (self.value - self.allowance) / self.reference


class MeasurementError(Exception):
    """A row could not be measured, or what it measured did something else than it should; says what."""


def as_line(name: str, unit: str, goal: Goal, found: Measurement) -> str:
    """One JSON object."""
    line: dict[str, object] = {"name": name, "value": _rounded(found.value), "unit": unit, "goal": str(goal)}
    if found.reference is not None and found.ratio is not None:
        line |= {"reference": _rounded(found.reference), "ratio": _rounded(found.ratio)}
    return json.dumps(line, ensure_ascii=False)


def percentile(samples: Sequence[float], percent: float) -> float:
    """The smallest sample that at least so many per cent of the samples do not exceed."""
    ordered = sorted(samples)
    return ordered[max(math.ceil(len(ordered) * percent / 100) - 1, 0)]


def spread(samples: Sequence[float]) -> str:
    """Median and range, for a person."""
    middle, low, high = statistics.median(samples), min(samples), max(samples)
    return f"median {middle:.3g} of {len(samples)}, {low:.3g} to {high:.3g}"


def _rounded(figure: float) -> float:
    """Four digits; more would be noise."""
    return float(f"{figure:.4g}")
