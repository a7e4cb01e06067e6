"""Where a node's bar starts on the time axis of its execution, and how long it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

WIDTH = 1000
_MIN_WIDTH = 4


@dataclass(frozen=True)
class Bar:
    """In thousandths of the axis: waiting from ``x``, running from ``run_x`` to the end."""

    x: int
    run_x: int
    end: int

    @property
    def wait_width(self) -> int:
        return max(0, self.run_x - self.x)

    @property
    def run_width(self) -> int:
        return max(_MIN_WIDTH, self.end - self.run_x)


@dataclass(frozen=True)
class Axis:
    start: datetime
    end: datetime

    def bar(self, created: datetime | None, started: datetime | None, ended: datetime | None) -> Bar | None:
        """:param started: None for what never ran, or not yet; then all of it is waiting.

        :param ended: None for what is not over."""
        if created is None:
            return None
        end = ended or self.end
        return Bar(self._x(created), self._x(started or end), self._x(end))

    def _x(self, moment: datetime) -> int:
        whole = (self.end - self.start).total_seconds()
        if whole <= 0:
            return 0
        part = (moment - self.start).total_seconds() / whole
        return round(WIDTH * min(1.0, max(0.0, part)))
